import type { MeshEvent } from '../../src/event/event.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import { place, type Question } from './brute-force.ts'

const isIn = (event: MeshEvent, end: 'source' | 'destination', namespace: string, name: string) =>
  event[end]?.namespace === namespace && event[end]?.name === name
const source = (event: MeshEvent) => place(event.source, 'name')
const destination = (event: MeshEvent) => place(event.destination, 'name')
const service = (event: MeshEvent) => place(event.destination, 'service')
const pair = (event: MeshEvent) => `${source(event)} ${destination(event)}`

/** What `stat` can be asked, and which events each of its rows is of. */
export const QUESTIONS: readonly (readonly [Parameters, Question])[] = [
  [{ resource: 'deploy' }, { rowOf: destination, unitOf: () => undefined, side: 'inbound', falls: false }],
  [
    { resource: 'deploy/web', namespace: 'emojivoto', window: '90s' },
    {
      rowOf: (event) => (isIn(event, 'destination', 'emojivoto', 'web') ? destination(event) : undefined),
      unitOf: () => undefined,
      side: 'inbound',
      falls: false,
    },
  ],
  [{ resource: 'svc' }, { rowOf: service, unitOf: service, side: 'inbound', falls: true }],
  [
    { resource: 'deploy', namespace: 'emojivoto', to: 'deploy/emoji', to_namespace: 'boutique' },
    {
      rowOf: (event) =>
        event.source?.namespace === 'emojivoto' && isIn(event, 'destination', 'boutique', 'emoji')
          ? source(event)
          : undefined,
      unitOf: pair,
      side: 'outbound',
      falls: true,
    },
  ],
  [
    { resource: 'deploy', from: 'deploy/voting', from_namespace: 'boutique' },
    {
      rowOf: (event) => (isIn(event, 'source', 'boutique', 'voting') ? destination(event) : undefined),
      unitOf: pair,
      side: 'outbound',
      falls: true,
    },
  ],
]
