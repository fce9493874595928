import t from 'tap'
import { AddressBook } from '../../../src/identity/address-book.ts'
import { ClusterObjects } from '../../../src/identity/kubernetes/cluster-objects.ts'
import type { KubernetesObject } from '../../../src/identity/kubernetes/reflector.ts'

const START_MS = Date.parse('2026-11-24T10:00:00Z')
const JOB = { kind: 'Job', name: 'tidy-29', uid: 'job' }
const CRON = { kind: 'CronJob', name: 'tidy', uid: 'cron' }

function cluster() {
  const clock = { nowMs: START_MS + 600_000 }
  const now = () => clock.nowMs
  const book = new AddressBook({ memoryMs: 1e9, capacity: 100, now })
  const objects = new ClusterObjects({ cluster: 'east', book, now })
  const at = (ip: string, atMs = clock.nowMs) => {
    const { occupant } = book.atAddress('east', ip, atMs)
    return occupant && `${occupant.kind}/${occupant.name} ${occupant.pod}`
  }
  return { clock, book, objects, at }
}

function object(uid: string, owner?: typeof JOB, more: object = {}): KubernetesObject {
  const ownerReferences = owner === undefined ? [] : [{ ...owner, controller: true }]
  return { metadata: { uid, name: uid, namespace: 'shop', ownerReferences }, ...more }
}

interface PodState {
  readonly ip: string
  readonly startedS: number
  /** When its network was made; undefined where it is not, or not any more. */
  readonly networkS?: number
  readonly phase?: string
}

function pod(uid: string, { ip, startedS, networkS, phase = 'Running' }: PodState, owner?: typeof JOB) {
  const at = (s: number) => new Date(START_MS + s * 1000).toISOString()
  const condition = {
    type: 'PodReadyToStartContainers',
    status: networkS === undefined ? 'False' : 'True',
    lastTransitionTime: at(networkS ?? 500),
  }
  const status = { phase, podIP: ip, podIPs: [{ ip }], startTime: at(startedS), conditions: [condition] }
  return object(uid, owner, { status })
}

t.test(
  'pods that outlive their owner stay what they were of, and no longer than they are there',
  async (t) => {
    const { objects, at } = cluster()
    const running = pod('tidy-29-x', { ip: '10.0.0.1', startedS: 0, networkS: 1 }, JOB)
    objects.setPod(running)
    t.equal(at('10.0.0.1'), 'job/tidy-29 tidy-29-x', 'its owner has not come yet')
    objects.setOwner('job', object('job', CRON))
    t.equal(at('10.0.0.1'), 'cronjob/tidy tidy-29-x')
    objects.endOwner('job', 'job')
    objects.setPod(running)
    t.equal(at('10.0.0.1'), 'cronjob/tidy tidy-29-x', 'a pod of a job that is deleted')
    objects.keepOnly('job', new Set())
    objects.setPod(running)
    t.equal(at('10.0.0.1'), 'cronjob/tidy tidy-29-x', 'after a new list too')
    objects.endPod('tidy-29-x')
    objects.setPod(running)
    t.equal(at('10.0.0.1'), 'job/tidy-29 tidy-29-x', 'the owner was forgotten with its last pod')
  },
)

t.test('a pod whose network is taken down was not at its address any earlier', async (t) => {
  const { objects, at } = cluster()
  objects.setPod(pod('first', { ip: '10.0.0.1', startedS: 5, networkS: 6 }))
  // Taken up by its node before the first one had left, given the address after.
  objects.setPod(pod('second', { ip: '10.0.0.1', startedS: 10, networkS: 30 }))
  t.equal(at('10.0.0.1', START_MS + 20_000), 'pod/first first')
  objects.setPod(pod('second', { ip: '10.0.0.1', startedS: 10 }))
  t.equal(at('10.0.0.1', START_MS + 20_000), 'pod/first first')
  t.equal(at('10.0.0.1', START_MS + 40_000), 'pod/second second')
})

t.test('a pod that is made again under its name is another', async (t) => {
  const { objects, clock, book } = cluster()
  objects.setPod(pod('db-0', { ip: '10.0.0.1', startedS: 0, networkS: 0 }))
  clock.nowMs = START_MS + 700_000
  objects.endPod('db-0')
  const again = pod('other', { ip: '10.0.0.2', startedS: 710, networkS: 710 })
  objects.setPod({ ...again, metadata: { ...again.metadata, name: 'db-0' } })
  // What ends the first comes once more, as after a new list.
  objects.keepOnly('pod', new Set(['other']))
  const ips = [100, 705, 800].map((s) => {
    const { fromMs, occupant } = book.ofPod('east', 'shop', 'db-0', START_MS + s * 1000)
    return occupant && (fromMs - START_MS) / 1000
  })
  t.strictSame(ips, [0, undefined, 710])
})
