import { readFileSync } from 'node:fs'
import t from 'tap'
import { CONTENT_TYPES } from '../../src/event/content-type.ts'
import { decodeJson } from '../../src/event/json-decoder.ts'
import { ENDPOINT_FIELDS, EVENT_FIELDS } from '../../src/event/json-fields.ts'
import { emptyColumns } from './columns.ts'

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')
const json = section('JSON')

function section(title: string): string {
  const from = page.indexOf(`\n## ${title}\n`)
  return page.slice(from, page.indexOf('\n## ', from + 1))
}

/** How many events a JSON text has; -1 where some of their fields are unknown. */
function count(text: string): number {
  const columns = emptyColumns()
  decodeJson(new TextEncoder().encode(text), columns)
  return columns.unknownFields === 0 ? columns.requests : -1
}

await t.test('the page lists every field of an event and no other', async (t) => {
  const listed = [...json.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  )
  t.same(listed.toSorted(), [...EVENT_FIELDS].toSorted())
  const endpoints = json.slice(json.indexOf('Endpoints, all fields optional'))
  t.same(
    [...endpoints.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    [...ENDPOINT_FIELDS],
  )
})

await t.test('the page lists every content type of the log', async (t) => {
  const { envoyAccessLogs: _, ...read } = CONTENT_TYPES
  for (const contentType of Object.values(read)) t.ok(page.includes(`\`${contentType}\``), contentType)
})

await t.test('the examples decode', async (t) => {
  t.equal(count(/^ {4}\{(?:.|\n {4})*\}$/m.exec(json)![0]), 1)
  const curl = /-d '(\{.*\})'$/m.exec(page)![1]!
  t.equal(count(curl.replace("'$(date +%s000)'", '1763978400000')), 1)
})
