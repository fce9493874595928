import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { parse } from 'yaml'

/** The parts of a service of docker-compose.yml that tests look at. */
export interface ComposeService {
  readonly image: string
  readonly build?: unknown
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const ROOT = new URL('../../', import.meta.url)

export function projectFile(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

export function dotEnv(): NodeJS.Dict<string> {
  return parseEnv(projectFile('.env'))
}

/** docker-compose.yml with the values of .env in it, as Docker Compose sees it where no variable is set. */
export function composeFile(): ComposeFile {
  return withValues(parse(projectFile('docker-compose.yml'), { merge: true }), dotEnv()) as ComposeFile
}

/** Replaces `${NAME}`; Compose's other forms are not used, and `$` elsewhere is none of its forms. */
function withValues(node: unknown, values: NodeJS.Dict<string>): unknown {
  if (typeof node === 'string') {
    return node.replaceAll(/\$(?:\{([A-Z_]+)\})?/g, (form, name: string | undefined) => {
      const value = name === undefined ? undefined : values[name]
      if (value === undefined) throw new Error(`${form} in "${node}" has no value in .env`)
      return value
    })
  }
  if (Array.isArray(node)) return node.map((item) => withValues(item, values))
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withValues(value, values)]))
}

/** What an image of ours starts with: what the last stage of the Dockerfile says. */
export interface ImageSettings {
  readonly entrypoint: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly healthcheck: readonly string[]
  readonly user: string
  readonly exposed: readonly number[]
  /** Files of the project that it has, by their path in the image's working directory. */
  readonly files: Readonly<Record<string, string>>
}

export function imageSettings(): ImageSettings {
  // Longer lines go on after a backslash.
  const lines = projectFile('Dockerfile').replaceAll('\\\n', ' ').split('\n')
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
  const all = (instruction: string) =>
    stage
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1))
  const words = (text: string) => text.split(/\s+/).filter((word) => word !== '')
  const files = all('COPY')
    .filter((copy) => !copy.startsWith('--from='))
    .flatMap((copy) => words(copy).slice(0, -1))
  return {
    entrypoint: JSON.parse(all('ENTRYPOINT')[0]!) as string[],
    environment: Object.fromEntries(
      all('ENV')
        .flatMap(words)
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    ),
    healthcheck: JSON.parse(all('HEALTHCHECK')[0]!.replace(/^.*? CMD /, '')) as string[],
    user: all('USER')[0]!,
    exposed: all('EXPOSE').flatMap(words).map(Number),
    files: Object.fromEntries(files.map((file) => [file.slice(file.lastIndexOf('/') + 1), file])),
  }
}
