import { Buffer } from 'node:buffer'
import { random } from '../../random.ts'

/** Of JavaScript's own objects, where a parameter's name may be taken for a property's. */
const PROTOTYPE = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '__defineGetter__',
  '__proto__[x]',
  'constructor.prototype',
  'length',
]

/** Parameters that mean something somewhere, with values that are good for them. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  resource: ['deploy', 'deploy/web', 'all', 'ns/emojivoto', 'route', 'po'],
  namespace: ['emojivoto', 'shop'],
  cluster: ['east'],
  to: ['deploy/emoji', 'deploy'],
  to_namespace: ['emojivoto'],
  to_cluster: ['east'],
  from: ['deploy/bot'],
  from_namespace: ['emojivoto'],
  from_cluster: ['east'],
  window: ['1m', '10s', '7d'],
  by: ['path', 'route'],
  limit: ['1', '1000'],
  method: ['GET'],
  path: ['/api', '*', '/x?y*'],
  step: ['10s', '1h'],
  stream: ['true'],
  direction: ['inbound'],
  authority: ['web*'],
  status: ['5xx', '200', 'failure'],
  min_latency: ['1ms'],
  header: ['x-user', 'x-user:bob'],
  max_rps: ['10', '0.5'],
  since: ['1m', '2026-11-24T10:00:00Z'],
  last: ['10'],
  ticket: ['a.b'],
  token: ['x'],
}

const NAMES = Object.keys(GOOD)

/** As they are written in a URL. */
const VALUES = [
  '',
  '%',
  '%z',
  '%zz',
  '%E0%A4%A',
  '%00',
  '%ff%fe',
  '%c0%80',
  '%ed%a0%80',
  '%u0041',
  '%25%30%30',
  '+',
  '%2B',
  '%0d%0aX:1',
  '-1',
  '0',
  '-0',
  '1e308',
  '1e999',
  'NaN',
  'Infinity',
  '0x10',
  '99999999999999999999',
  '1.5',
  '١٢',

  '-5s',
  '0s',
  '9999999d',
  '1h1h',
  '8d',
  '1970-01-01T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '0000-00-00T00:00:00Z',

  'deploy/',
  '/',
  'x/y/z',
  '__proto__/a',
  'constructor',
  'deploy/%00',
  'deploy/..%2f..',
  '%F0%9F%98%80',
  '%E2%80%AE',

  ':',
  'a:',
  ':a',
  '__proto__:x',
  '"',
  '%3Cscript%3E',
  "'",
  '\\',
  '{}',
  '[]',
  '%7B%22a%22%3A1%7D',
  '$where',
  '**********',
]

const METHODS = ['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'FOO', 'get']

export interface FuzzedRequest {
  readonly bytes: Buffer
  readonly method: string
  readonly path: string
}

export interface Fuzzing {
  /** The requests are the same on every machine. */
  readonly seed: number
  readonly count: number
  readonly paths: readonly string[]
  /** One of these is sent with each, where there are any. */
  readonly authorizations: readonly string[]
}

export function* fuzzedRequests({ seed, count, paths, authorizations }: Fuzzing): Generator<FuzzedRequest> {
  const next = random(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  const oneOf = <T>(items: readonly T[]): T => items[below(items.length)]!
  // What ends a line ends the request's line, and what follows is another request.
  const byte = () =>
    String.fromCharCode(oneOf([below(32), 32 + below(96), 128 + below(128)])).replace(/[\r\n]/, '\t')
  const letters = (count: number) => oneOf(['a', '%41', '*', '%F0%9F%98%80', '/', '%']).repeat(count)

  const value = (): string => {
    switch (below(12)) {
      case 0:
        return Array.from({ length: 1 + below(8) }, byte).join('')
      case 1:
        return letters(1 + below(300))
      case 2:
        return next() < 0.2 ? letters(oneOf([3000, 9000, 17_000])) : encodeURIComponent(letters(below(50)))
      default:
        return oneOf(VALUES)
    }
  }
  const bad = (): string => {
    const name = oneOf([oneOf(NAMES), oneOf(NAMES), oneOf(NAMES), oneOf(PROTOTYPE), value()])
    return `${name}${next() < 0.95 ? '=' : ''}${value()}`
  }
  const good = (): string => {
    const name = oneOf(NAMES)
    return `${name}=${oneOf(GOOD[name]!)}`
  }
  const query = (): string => {
    // What has one fault gets further than what has many.
    const isBad = next() < 0.5
    const parameters = Array.from({ length: below(5) }, () => (isBad && next() < 0.5 ? bad() : good()))
    // Twice, or many times.
    if (parameters.length > 0 && next() < 0.1) parameters.push(parameters[0]!)
    if (next() < 0.01) parameters.push(...Array.from({ length: 1000 }, (_, i) => `p${i}=`))
    const text = parameters.join(next() < 0.97 ? '&' : ';')
    // With a resource most are looked at further.
    return next() < 0.5 ? `resource=deploy&${text}` : text
  }

  const handshake = (): string[] => [
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Version: ${next() < 0.95 ? 13 : value()}`,
    `Sec-WebSocket-Key: ${next() < 0.95 ? 'dGhlIHNhbXBsZSBub25jZQ==' : value()}`,
    ...(next() < 0.05 ? [`Sec-WebSocket-Extensions: ${value()}`] : []),
    ...(next() < 0.2 ? [`Sec-WebSocket-Protocol: meshtap, meshtap.ticket.${value()}`] : []),
  ]

  for (let i = 0; i < count; i++) {
    const isUpgrade = next() < 0.2
    const method = next() < 0.9 ? 'GET' : oneOf(METHODS)
    const path = oneOf(paths).replace('*', value) + (next() < 0.95 ? '' : `/${value()}`)
    const url = next() < 0.95 ? `${path}?${query()}` : path
    const headers = [
      'Host: localhost',
      ...(isUpgrade ? handshake() : ['Connection: close']),
      ...(next() < 0.3 ? ['Accept: application/x-ndjson'] : []),
      ...(next() < 0.05 ? [`Origin: ${value()}`] : []),
      ...(authorizations.length > 0 ? [`Authorization: ${oneOf(authorizations)}`] : []),
    ]
    const text = `${method} ${url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
    // Half of them with what is not ASCII as UTF-8, as a browser never would.
    yield { bytes: Buffer.from(text, next() < 0.5 ? 'latin1' : 'utf8'), method, path: url }
  }
}
