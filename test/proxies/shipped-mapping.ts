import { readFileSync } from 'node:fs'
import type { BareFormat } from '../../src/aggregator/record-decoder.ts'
import { decodeLines } from '../../src/mapping/mapping.ts'
import { parseMapping } from '../../src/mapping/parse-mapping.ts'

/** Lines as a mapping that comes with meshtap reads them. */
export function shippedMapping(name: 'nginx' | 'haproxy' | 'caddy' | 'traefik'): BareFormat {
  const file = new URL(`../../mappings/${name}.yaml`, import.meta.url)
  const mapping = parseMapping(readFileSync(file, 'utf8'), file.pathname)
  return (bytes, columns) => decodeLines(mapping, bytes, columns)
}
