import { readFileSync, statSync } from 'node:fs'
import { nearest } from './nearest.ts'
import type { Setting, SettingFault } from './setting.ts'

/** Longest file that is read, in bytes. */
const MAX_BYTES = 1024 * 1024

/** A value that a file gives. */
export interface FileValue {
  readonly text: string
  /** `meshtap.yaml:12`. */
  readonly place: string
}

/** What a file gives, by the names of settings and of their `-file` forms, and what in it is not right. */
export interface SettingsFile {
  readonly values: ReadonlyMap<string, FileValue>
  readonly faults: readonly SettingFault[]
}

/**
 * Reads a YAML file of settings. Its keys are the settings' names; those that begin alike may be nested, so that
 * `kafka: { sasl: { mechanism: plain } }` is `kafka-sasl-mechanism: plain`. Lists may be YAML's.
 */
export async function readSettingsFile(
  path: string,
  known: ReadonlyMap<string, Setting<unknown>>,
): Promise<SettingsFile> {
  let text
  try {
    const { size } = statSync(path)
    if (size > MAX_BYTES)
      return failed(`${path} has ${size} bytes; a file of settings has at most ${MAX_BYTES}`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    return failed(`${path} cannot be read: ${code}`)
  }
  return parseSettings(text, path, known)
}

function failed(message: string): SettingsFile {
  return { values: new Map(), faults: [{ setting: 'config', message: `--config: ${message}` }] }
}

/** The same of a file's text. */
export async function parseSettings(
  text: string,
  path: string,
  known: ReadonlyMap<string, Setting<unknown>>,
): Promise<SettingsFile> {
  // Only who has a file pays for its parser.
  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
  const names = namesInFiles(known)
  const values = new Map<string, FileValue>()
  const faults: SettingFault[] = []
  const placeOf = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`
  const fault = (setting: string, message: string) => void faults.push({ setting, message })

  for (const error of document.errors)
    fault('config', `${placeOf(error.pos[0])}: is not YAML: ${error.message}`)
  if (faults.length === 0 && document.contents !== null) read(document.contents, [])
  return { values, faults }

  function read(node: unknown, keys: readonly string[]): void {
    if (!isMap(node)) {
      fault('config', `${path}: must have settings as keys and values, such as "flush: 2s"`)
      return
    }
    for (const { key, value } of node.items) {
      const place = placeOf(isScalar(key) ? key.range?.[0] : undefined)
      const path = [...keys, isScalar(key) ? String(key.value) : '?']
      const given = path.join('-')
      const shown = path.join('.')
      if (isMap(value) && [...names.keys()].some((name) => name.startsWith(`${given}-`))) {
        read(value, path)
        continue
      }
      const name = names.get(given)
      if (name === undefined) {
        const near = nearest(given, [...names.keys()])
        const hint = near === undefined ? '' : `; is ${near} meant?`
        fault(given, `${place}: ${shown} is no setting${hint}`)
        continue
      }
      const before = values.get(name)
      if (before !== undefined) {
        fault(name, `${place}: ${shown} is given already, at ${before.place}`)
        continue
      }
      const text = textOf(value)
      if (text === undefined)
        fault(name, `${place}: ${shown} must have a value, or a list of them without commas`)
      else values.set(name, { text, place })
    }
  }

  function textOf(node: unknown): string | undefined {
    if (isScalar(node)) {
      if (node.value === null) return undefined
      // As written: a password of digits keeps its zeros.
      return typeof node.value === 'string' ? node.value : node.source
    }
    if (!isSeq(node)) return undefined
    const parts = node.items.map((item) => (isScalar(item) ? textOf(item) : undefined))
    return parts.every((part) => part !== undefined && !part.includes(',')) ? parts.join(',') : undefined
  }
}

/** Names that a file may use, and what each stands for. */
function namesInFiles(known: ReadonlyMap<string, Setting<unknown>>): ReadonlyMap<string, string> {
  return new Map(
    [...known.values()].flatMap(({ name, fileAlias, secrecy }): [string, string][] => [
      [name, name],
      ...(fileAlias === undefined ? [] : [[fileAlias, name] as [string, string]]),
      ...(secrecy === undefined ? [] : [[`${name}-file`, `${name}-file`] as [string, string]]),
    ]),
  )
}
