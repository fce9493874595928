import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  REQUEST_HEADER_PREFIX,
  RESOURCE_KEYS,
  RESPONSE_HEADER_PREFIX,
} from '../../src/event/otlp-conventions.ts'
import { LOG_KEYS } from '../../src/event/otlp-log-conventions.ts'
import { SPAN_FAULT_MESSAGES } from '../../src/event/otlp-mapping.ts'

const page = readFileSync(new URL('../../docs/otlp.md', import.meta.url), 'utf8')
const quoted = new Set(page.match(/(?<=`)[^`\n]+(?=`)/g))

t.test('the page names every attribute that is read', (t) => {
  const keys = [...Object.values(RESOURCE_KEYS), ...Object.values(LOG_KEYS)].flat()
  t.same(
    keys.filter((key) => !quoted.has(key)),
    [],
  )
  t.ok(quoted.has(`${REQUEST_HEADER_PREFIX}NAME`))
  t.ok(quoted.has(`${RESPONSE_HEADER_PREFIX}NAME`))
  t.end()
})

t.test('the page names no attribute that is not read', (t) => {
  const keys = new Set<string>([...Object.values(RESOURCE_KEYS), ...Object.values(LOG_KEYS)].flat())
  const attributes = [...quoted].filter((text) =>
    /^(http|url|rpc|net|network|peer|tls|k8s|source|destination|server|client|service)\.[a-z0-9._]+$/.test(
      text,
    ),
  )
  t.same(
    attributes.filter((text) => !keys.has(text)),
    [],
  )
  t.ok(attributes.length > 50)
  t.end()
})

t.test('the page names every fault of a span', (t) => {
  t.same(
    Object.keys(SPAN_FAULT_MESSAGES).filter((reason) => !quoted.has(reason)),
    [],
  )
  t.end()
})
