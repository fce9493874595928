import type { ApiDescription } from '../http/openapi.ts'
import { ANSWER_SCHEMAS } from './answer-schemas.ts'

/** What the OpenAPI document says of the whole server. */
export const GATEWAY_API: Omit<ApiDescription, 'version'> = {
  title: 'meshtap',
  description:
    'Live stat, top and tap of a service mesh, over any number of clusters.\n\n' +
    'Numbers are of event time, in whole buckets: `window` says which time an answer covers, `watermark` how far the ' +
    'events of all partitions are folded, and `partial` what is missing from it and why. An answer without rows says ' +
    'why in `empty`. Failures are `application/problem+json`.',
  tags: [
    { name: 'queries', description: 'Answers from rollups.' },
    { name: 'tap', description: 'Single requests, live.' },
    { name: 'health', description: 'For probes.' },
    { name: 'documentation', description: 'What there is.' },
  ],
  schemas: ANSWER_SCHEMAS,
}
