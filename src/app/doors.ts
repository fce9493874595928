import type { JSONWebKeySet } from 'jose'
import { Door } from '../access/door.ts'
import type { JwtKeys, JwtVerifier } from '../access/jwt-verifier.ts'
import type { Policy } from '../access/policy.ts'
import { parseTokens, type StaticTokens } from '../access/static-tokens.ts'
import { WatchedFile } from '../document/watched-file.ts'
import { SettingError } from '../config/setting.ts'
import type { RoleContext } from './role-context.ts'

type Context = Pick<RoleContext<'gateway' | 'serve'>, 'settings' | 'logger' | 'parts'>
type Watching = Pick<RoleContext<'gateway' | 'serve' | 'ingest'>, 'logger' | 'parts'>

/** The door that settings make; undefined where nothing says who may come in. Rejects with a SettingError. */
export async function openDoor(context: Context): Promise<Door | undefined> {
  const { accessTokens } = context.settings
  const jwt = await openJwt(context)
  if (accessTokens === undefined && jwt === undefined) return undefined
  const tokens =
    accessTokens === undefined ? undefined : await openTokens('access-tokens', accessTokens, context)
  const policy = await openPolicy(context)
  return new Door({
    now: Date.now,
    ...(tokens === undefined ? {} : { tokens }),
    ...(policy === undefined ? {} : { policy }),
    ...(jwt === undefined ? {} : { jwt }),
  })
}

async function openPolicy(context: Context): Promise<(() => Policy) | undefined> {
  const { accessPolicy } = context.settings
  if (accessPolicy === undefined) return undefined
  // Only who has a policy pays for its parser; and so with keys below.
  const { parsePolicy } = await import('../access/policy.ts')
  const file = await openFile(
    'access-policy',
    accessPolicy,
    (text) => parsePolicy(text, accessPolicy),
    context,
  )
  return () => file.value
}

async function openJwt(context: Context): Promise<JwtVerifier | undefined> {
  const { jwtIssuer, jwtAudience, jwtAlgorithms, jwtSkew, jwtClaim } = context.settings
  const keys = await openKeys(context)
  if (keys === undefined) return undefined
  const { JwtVerifier } = await import('../access/jwt-verifier.ts')
  return named('jwt-algorithms', () => {
    return new JwtVerifier({
      keys,
      skewMs: jwtSkew,
      claim: jwtClaim,
      now: Date.now,
      ...(jwtIssuer === undefined ? {} : { issuer: jwtIssuer }),
      ...(jwtAudience === undefined ? {} : { audience: jwtAudience }),
      ...(jwtAlgorithms === undefined ? {} : { algorithms: jwtAlgorithms }),
    })
  })
}

async function openKeys(context: Context): Promise<JwtKeys | undefined> {
  const { jwtKeys, jwtSecret } = context.settings
  if (jwtSecret !== undefined) return { kind: 'secret', secret: jwtSecret }
  if (jwtKeys === undefined) return undefined
  if (/^https?:/.test(jwtKeys)) return { kind: 'url', url: jwtKeys }
  const file = await openFile('jwt-keys', jwtKeys, (text) => parseKeySet(text, jwtKeys), context)
  return { kind: 'set', current: () => file.value }
}

/** Who may send events; nothing where anyone may. */
export async function ingestAccess({
  settings,
  ...watching
}: Pick<RoleContext<'serve' | 'ingest'>, 'settings' | 'logger' | 'parts'>): Promise<{
  readonly tokens?: () => StaticTokens
}> {
  const { ingestTokens } = settings
  return ingestTokens === undefined
    ? {}
    : { tokens: await openTokens('ingest-tokens', ingestTokens, watching) }
}

/** Tokens of a file that is read again when it changes. */
async function openTokens(setting: string, path: string, watching: Watching): Promise<() => StaticTokens> {
  const file = await openFile(setting, path, (text) => parseTokens(text, path), watching)
  return () => file.value
}

/** A file that is read again when it changes. Rejects with a SettingError where it cannot be read at first. */
export async function openFile<T>(
  setting: string,
  path: string,
  parse: (text: string) => T,
  { logger, parts }: Watching,
  onChange?: () => void,
): Promise<WatchedFile<T>> {
  const opening = WatchedFile.open({
    path,
    parse,
    onTrouble: (message) => logger.error({ setting }, message),
    onChange: () => {
      logger.info({ setting }, `${path} was read again`)
      onChange?.()
    },
  })
  const file = await opening.catch((error: unknown) => {
    return named(setting, () => {
      throw error
    })
  })
  parts.add(setting, () => file.close())
  return file
}

/** Makes a RangeError one of a setting. */
export function named<T>(setting: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new SettingError([{ setting, message: `${setting}: ${error.message}` }])
  }
}

function parseKeySet(text: string, path: string): JSONWebKeySet {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new RangeError(`${path}: is no JSON`)
  }
  if (typeof set === 'object' && set !== null && 'keys' in set && Array.isArray(set.keys))
    return set as JSONWebKeySet
  throw new RangeError(`${path}: is no JSON Web Key Set: it must have a list of keys`)
}
