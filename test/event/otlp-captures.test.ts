import { readFileSync } from 'node:fs'
import t from 'tap'
import { decoded, decodedJson } from './otlp-decoding.ts'
import { toJson } from './otlp-reference.ts'

const CAPTURES = [
  { name: 'envoy-grpc-1', skipped: 0, unknownFields: 38 },
  { name: 'envoy-grpc-2', skipped: 0, unknownFields: 38 },
  { name: 'envoy-http', skipped: 1, unknownFields: 10 },
  { name: 'caddy', skipped: 0, unknownFields: 15 },
]

function fixture(file: string): Buffer {
  return readFileSync(new URL(`../fixtures/otlp/${file}`, import.meta.url))
}

for (const { name, skipped, unknownFields } of CAPTURES) {
  const bytes = fixture(`${name}.bin`)
  const events = fixture(`${name}.events.ndjson`)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

  t.test(`what ${name} sent decodes to the events it means`, (t) => {
    t.same(decoded(bytes), { events, skipped, unknownFields })
    t.end()
  })

  t.test(`${name} as OTLP/JSON decodes to the same`, (t) => {
    t.same(decodedJson(toJson(bytes)), { events, skipped, unknownFields })
    t.end()
  })
}

t.test('a message may begin anywhere in a larger buffer', (t) => {
  const bytes = fixture('caddy.bin')
  const padded = new Uint8Array(bytes.length + 20).fill(0xff)
  padded.set(bytes, 7)
  t.same(decoded(padded.subarray(7, 7 + bytes.length)), decoded(bytes))
  t.end()
})
