import t from 'tap'
import { HttpProblem } from '../../src/http/problem.ts'
import { acceptedType, parseMediaType } from '../../src/ingest/media-type.ts'

t.test('media types are taken apart', async (t) => {
  for (const [header, essence, parameters] of [
    ['application/json', 'application/json', {}],
    [' Application/JSON ; Charset=UTF-8', 'application/json', { charset: 'UTF-8' }],
    ['a/b;proto=x.y.Z; messageType="a b\\"c"', 'a/b', { proto: 'x.y.Z', messagetype: 'a b"c' }],
    ['a/b; broken', 'a/b', {}],
  ] as const) {
    const type = parseMediaType(header)
    t.equal(type?.essence, essence, header)
    t.same(Object.fromEntries(type?.parameters ?? []), parameters, header)
  }
  for (const header of ['', 'json', 'a/', '/b', ';a=b']) t.equal(parseMediaType(header), undefined, header)
})

t.test('a body is of an accepted type, or the refusal lists them', async (t) => {
  const accepted = [
    { kind: 'json', essence: 'application/json' },
    { kind: 'batch', essence: 'application/x-protobuf', proto: 'm.Batch' },
  ] as const
  const kindOf = (header: string | undefined): string => {
    try {
      return acceptedType<string>(header, accepted)
    } catch (error) {
      if (!(error instanceof HttpProblem)) throw error
      return `${error.status} ${error.message}`
    }
  }
  const list = 'send one of: application/json, application/x-protobuf; proto=m.Batch'
  for (const [header, want] of [
    ['application/json', 'json'],
    ['application/json; charset=utf-8', 'json'],
    ['application/json; charset="UTF-8"', 'json'],
    [
      'application/json; charset=latin1',
      `415 bodies of content-type "application/json; charset=latin1" are not read here; ${list}`,
    ],
    ['application/x-protobuf', 'batch'],
    ['application/x-protobuf; proto=m.Batch', 'batch'],
    [
      'application/x-protobuf; proto=m.Other',
      `415 bodies of content-type "application/x-protobuf; proto=m.Other" are not read here; ${list}`,
    ],
    [undefined, `415 the request has no content-type; ${list}`],
    ['nonsense', `415 bodies of content-type "nonsense" are not read here; ${list}`],
  ] as const) {
    t.equal(kindOf(header), want, String(header))
  }
})
