import { GATEWAY_LISTEN, GRPC_LISTEN, INGEST_LISTEN } from './http-settings.ts'
import { isLoopback } from './loopback.ts'
import { type Setting, type SettingFault, type SettingSchema, settingsOf, variableOf } from './setting.ts'
import { duration, type HostPort, list, onOff, readableFile, someText } from './value-types.ts'

const { setting, optional } = settingsOf('access')

/** Shortest secret, characters: HS256 has keys of 256 bits. */
const MIN_SECRET = 32

const secret = {
  placeholder: '<secret>',
  parse: (text: string) => {
    if (text.length >= MIN_SECRET) return text
    throw new RangeError(`must have at least ${MIN_SECRET} characters (openssl rand -hex 32)`)
  },
}

/** A URL, or a file that is there. */
const urlOrFile = {
  placeholder: '<url or file>',
  parse: (text: string) => {
    if (/^https?:\/\//.test(text)) {
      if (URL.canParse(text)) return text
      throw new RangeError('must be a URL such as https://id.example.com/.well-known/jwks.json, or a file')
    }
    return readableFile.parse(text)
  },
}

const INSECURE = setting(
  'insecure',
  'off',
  onOff,
  'listen where others reach it without asking who they are: whoever does sees everything',
)

const TLS = {
  serverCert: optional(
    'tls-cert',
    readableFile,
    'certificate, with its chain, to serve HTTPS with; read again when it changes',
  ),
  serverKey: optional('tls-key', readableFile, 'its private key'),
  clientCa: optional('tls-client-ca', readableFile, 'certificates that those of clients must be signed by'),
} as const

/** Who may ask a gateway, and for what. */
export const ACCESS_SETTINGS = {
  accessTokens: optional(
    'access-tokens',
    readableFile,
    'file of tokens, a line each: NAME TOKEN [group:NAME …]',
  ),
  accessPolicy: optional('access-policy', readableFile, 'YAML file that says who may see what'),
  jwtKeys: optional('jwt-keys', urlOrFile, 'JSON Web Key Set that JWTs are verified by'),
  jwtSecret: { ...optional('jwt-secret', secret, 'secret that JWTs are verified by'), secrecy: 'value' },
  jwtIssuer: optional('jwt-issuer', someText('<issuer>', 'the iss of tokens'), 'iss that JWTs must have'),
  jwtAudience: optional(
    'jwt-audience',
    someText('<audience>', 'the aud of tokens'),
    'aud that JWTs must have',
  ),
  jwtAlgorithms: optional(
    'jwt-algorithms',
    { placeholder: '<names>', parse: list },
    'algorithms that JWTs may be signed with, separated by commas; without it all that go with the keys, never none',
  ),
  jwtSkew: setting('jwt-skew', '30s', duration({ min: 0, max: 600_000 }), 'how far clocks may differ'),
  jwtClaim: setting(
    'jwt-claim',
    'meshtap',
    someText('<name>', 'the name of a claim'),
    'claim of JWTs that holds grants as a policy has them',
  ),
  ticketSecret: {
    ...optional(
      'ticket-secret',
      secret,
      'secret that tickets are signed with: the same for all gateways behind one name',
    ),
    secrecy: 'value',
  },
  auditLog: setting('audit-log', 'on', onOff, 'log of every tap: who, what, how long, how many'),
  insecure: INSECURE,
  ...TLS,
} as const

/** Who may send events. */
export const INGEST_ACCESS_SETTINGS = {
  ingestTokens: optional(
    'ingest-tokens',
    readableFile,
    'file of tokens of those who may send events, as access-tokens',
  ),
  insecure: INSECURE,
  ...TLS,
} as const

type Values = Readonly<Record<string, unknown>>

/** Settings that leave a server open, or that contradict each other. */
export function accessFaults(schema: SettingSchema, values: Values): readonly SettingFault[] {
  if (!('insecure' in schema)) return []
  const { accessTokens, accessPolicy, jwtKeys, jwtSecret, ingestTokens, serverCert, serverKey, clientCa } =
    values
  const faults: SettingFault[] = []
  const fault = (setting: string, message: string) => void faults.push({ setting, message })
  const isAsking = (accessTokens ?? jwtKeys ?? jwtSecret) !== undefined
  if (jwtKeys !== undefined && jwtSecret !== undefined)
    fault('jwt-keys', 'jwt-keys and jwt-secret are both given: give one of them')
  if (accessPolicy !== undefined && !isAsking)
    fault(
      'access-policy',
      'access-policy says what is granted, but nothing who asks: give access-tokens, jwt-keys or jwt-secret',
    )
  if ((serverCert === undefined) !== (serverKey === undefined))
    fault('tls-cert', 'tls-cert and tls-key go together: give both, or none')
  if (clientCa !== undefined && serverCert === undefined)
    fault('tls-client-ca', 'tls-client-ca needs TLS: give tls-cert and tls-key')
  if (values['insecure'] === true) return faults
  for (const [key, setting] of Object.entries(schema)) {
    const address = values[key] as HostPort | undefined
    if (address === undefined) continue
    if (setting === (GATEWAY_LISTEN as Setting<unknown>) && !isAsking && !isLoopback(address.host))
      fault(setting.name, exposed(setting.name, address, 'access-tokens, jwt-keys or jwt-secret'))
    if (
      (setting === (INGEST_LISTEN as Setting<unknown>) || setting === (GRPC_LISTEN as Setting<unknown>)) &&
      ingestTokens === undefined &&
      !isLoopback(address.host)
    )
      fault(setting.name, exposed(setting.name, address, 'ingest-tokens'))
  }
  return faults
}

function exposed(name: string, { host, port }: HostPort, wanted: string): string {
  return (
    `${name} is ${host}:${port}, which others can reach, and nothing says who may: give ${wanted}, or, where only ` +
    `those who may see everything reach it, --insecure (${variableOf('insecure')}=true)`
  )
}
