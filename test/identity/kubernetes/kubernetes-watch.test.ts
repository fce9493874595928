import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { AddressBook } from '../../../src/identity/address-book.ts'
import { openKubernetesApi } from '../../../src/identity/kubernetes/kubernetes-api.ts'
import { KubernetesWatch } from '../../../src/identity/kubernetes/kubernetes-watch.ts'
import { type ApiObject, KubernetesStandIn } from './stand-in.ts'

const PODS = '/api/v1/pods'
const SERVICES = '/api/v1/services'
const SLICES = '/apis/discovery.k8s.io/v1/endpointslices'
const REPLICASETS = '/apis/apps/v1/replicasets'
const JOBS = '/apis/batch/v1/jobs'

const START = '2026-11-24T10:00:00Z'

interface PodOptions {
  readonly ip?: string
  readonly owner?: { readonly kind: string; readonly name: string; readonly uid: string }
  readonly phase?: string
  readonly hash?: string
  readonly hostNetwork?: boolean
}

function pod(name: string, options: PodOptions = {}): ApiObject {
  const { ip, owner, phase = 'Running', hash, hostNetwork } = options
  return {
    metadata: {
      uid: `uid-${name}`,
      name,
      namespace: 'shop',
      creationTimestamp: START,
      ...(hash === undefined ? {} : { labels: { 'pod-template-hash': hash } }),
      ...(owner === undefined ? {} : { ownerReferences: [{ ...owner, controller: true }] }),
    },
    spec: hostNetwork === true ? { hostNetwork } : {},
    status: { phase, startTime: START, ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }) },
  }
}

function owned(name: string, owner?: PodOptions['owner']): ApiObject {
  return {
    metadata: {
      uid: `uid-${name}`,
      name,
      namespace: 'shop',
      ...(owner === undefined ? {} : { ownerReferences: [{ ...owner, controller: true }] }),
    },
  }
}

const WEB_SET = { kind: 'ReplicaSet', name: 'web-abc', uid: 'uid-web-abc' }
const WEB = { kind: 'Deployment', name: 'web', uid: 'uid-web' }

async function watched(t: Test, prepare: (api: KubernetesStandIn) => void = () => {}) {
  const api = await KubernetesStandIn.start(t)
  prepare(api)
  const troubles: string[] = []
  const clock = { nowMs: Date.parse(START) + 60_000 }
  const book = new AddressBook({ memoryMs: 1e9, capacity: 10_000, now: () => clock.nowMs })
  const watch = new KubernetesWatch({
    api: openKubernetesApi({ kind: 'file', path: api.writeConfig(`${t.testdir()}/config`) }),
    cluster: 'east',
    book,
    now: () => clock.nowMs,
    backoffMs: 5,
    onTrouble: (message) => troubles.push(message),
  })
  watch.start()
  t.teardown(() => watch.close())
  const at = (ip: string, atMs = clock.nowMs) => {
    const { occupant } = book.atAddress('east', ip, atMs)
    return occupant && `${occupant.kind}/${occupant.name} ${occupant.pod} ${occupant.service}`
  }
  return { api, watch, troubles, clock, book, at }
}

/** Waits until something is so. */
async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
  for (const endMs = Date.now() + 20_000; !holds(); await sleep(5)) {
    if (Date.now() > endMs) return t.fail(`it never came to be that ${what}`) as never
  }
  t.pass(what)
}

t.test('what was there is listed page by page, and pods are of what a person made', async (t) => {
  const { at, api, watch } = await watched(t, (api) => {
    api.pageSize = 2
    api.set(REPLICASETS, owned('web-abc', WEB))
    api.set(JOBS, owned('tidy-1', { kind: 'CronJob', name: 'tidy', uid: 'u' }))
    api.set(PODS, pod('web-abc-1', { ip: '10.0.0.1', owner: WEB_SET }))
    api.set(
      PODS,
      pod('tidy-1-x', { ip: '10.0.0.2', owner: { kind: 'Job', name: 'tidy-1', uid: 'uid-tidy-1' } }),
    )
    api.set(PODS, pod('db-0', { ip: '10.0.0.3', owner: { kind: 'StatefulSet', name: 'db', uid: 'x' } }))
    api.set(PODS, pod('naked', { ip: 'fd00::4' }))
    api.set(PODS, pod('node-agent', { ip: '192.168.0.1', hostNetwork: true }))
    api.set(SERVICES, {
      metadata: { uid: 's', name: 'web-svc', namespace: 'shop', creationTimestamp: START },
      spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'] },
    })
    api.set(SERVICES, {
      metadata: { uid: 'h', name: 'headless', namespace: 'shop', creationTimestamp: START },
      spec: { clusterIP: 'None' },
    })
  })
  await until(t, 'all is listed', () => watch.isListed)
  t.equal(at('10.0.0.1'), 'deployment/web web-abc-1 ')
  t.equal(at('10.0.0.2'), 'cronjob/tidy tidy-1-x ')
  t.equal(at('10.0.0.3'), 'statefulset/db db-0 ')
  t.equal(at('fd00::4'), 'pod/naked naked ')
  t.equal(at('192.168.0.1'), undefined, "a node's address is nobody's")
  t.equal(at('10.96.0.1'), '/  web-svc')
  t.equal(api.requests.filter((request) => request.startsWith(`${PODS}?limit=`)).length, 3, 'three pages')
})

t.test('what changes is heard of, and addresses move', async (t) => {
  const { at, api, watch, clock } = await watched(t)
  await until(t, 'all is listed', () => watch.isListed)
  await until(t, 'pods are watched', () => api.watches(PODS) === 1)
  api.set(PODS, pod('web-abc-1', { ip: '10.0.0.1', owner: WEB_SET, hash: 'abc' }))
  await until(t, 'its name tells of its deployment', () => at('10.0.0.1') === 'deployment/web web-abc-1 ')
  api.set(REPLICASETS, owned('web-abc', { kind: 'Rollout', name: 'web', uid: 'r' }))
  await until(t, 'its owner says better', () => at('10.0.0.1') === 'rollout/web web-abc-1 ')
  api.set(SLICES, {
    metadata: { uid: 'e', name: 'e', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web-svc' } },
    endpoints: [{ targetRef: { kind: 'Pod', uid: 'uid-web-abc-1' } }],
  })
  await until(t, 'it answers for a service', () => at('10.0.0.1') === 'rollout/web web-abc-1 web-svc')
  api.set(SLICES, {
    metadata: { uid: 'f', name: 'f', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'other' } },
    endpoints: [{ targetRef: { kind: 'Pod', uid: 'uid-web-abc-1' } }],
  })
  await until(t, 'of two services neither is it', () => at('10.0.0.1') === 'rollout/web web-abc-1 ')
  const movedMs = (clock.nowMs += 1000)
  api.delete(PODS, 'uid-web-abc-1')
  await until(t, 'it is gone', () => at('10.0.0.1') === undefined)
  const later = pod('api-1', { ip: '10.0.0.1' })
  api.set(PODS, {
    ...later,
    status: { ...(later['status'] as object), startTime: new Date(movedMs).toISOString() },
  })
  await until(t, 'another has its address', () => at('10.0.0.1') === 'pod/api-1 api-1 ')
  t.equal(at('10.0.0.1', movedMs - 1), 'rollout/web web-abc-1 ', 'before it was the first')
})

t.test('a pod that has ended gives its address up and is counted still', async (t) => {
  const { at, api, watch } = await watched(t, (api) => api.set(PODS, pod('job-x', { ip: '10.0.0.1' })))
  await until(t, 'it is there', () => at('10.0.0.1') !== undefined)
  await until(t, 'pods are watched', () => api.watches(PODS) === 1)
  api.set(PODS, pod('job-x', { ip: '10.0.0.1', phase: 'Failed' }))
  await until(t, 'it is gone', () => at('10.0.0.1') === undefined)
  t.match([...(watch.pods() ?? [])], [{ namespace: 'shop', kind: 'pod', pod: 'job-x', phase: 'failed' }])
})

for (const how of ['end', 'break', 'gone', 'garbage'] as const) {
  t.test(`nothing is missed when a watch is cut: ${how}`, async (t) => {
    const { at, api, watch } = await watched(t, (api) => {
      api.set(PODS, pod('a', { ip: '10.0.0.1' }))
      api.set(PODS, pod('b', { ip: '10.0.0.2' }))
    })
    await until(t, 'all is listed', () => watch.isListed)
    await until(t, 'pods are watched', () => api.watches(PODS) === 1)
    api.cut(PODS, how)
    api.delete(PODS, 'uid-a')
    api.set(PODS, pod('c', { ip: '10.0.0.3' }))
    await until(t, 'the new one is known', () => at('10.0.0.3') !== undefined)
    await until(t, 'the old one is gone', () => at('10.0.0.1') === undefined)
    t.ok(at('10.0.0.2'))
  })
}

t.test(
  'a version that is too old to go on from is listed anew, and what went meanwhile is gone',
  async (t) => {
    const { at, api, troubles } = await watched(t, (api) => {
      api.set(PODS, pod('a', { ip: '10.0.0.1' }))
      api.set(PODS, pod('b', { ip: '10.0.0.2' }))
    })
    await until(t, 'pods are watched', () => api.watches(PODS) === 1)
    api.refused.set(PODS, 500)
    api.cut(PODS, 'end')
    api.delete(PODS, 'uid-a')
    api.compact()
    await until(t, 'the trouble is told', () =>
      troubles.some((message) => message.includes(`${PODS} is not for you`)),
    )
    api.refused.delete(PODS)
    await until(t, 'what went is gone', () => at('10.0.0.1') === undefined)
    t.ok(at('10.0.0.2'), 'what stayed was there all the time')
  },
)

t.test('a bookmark moves on what is gone on from', async (t) => {
  const { at, api, watch } = await watched(t, (api) => api.set(PODS, pod('a', { ip: '10.0.0.1' })))
  await until(t, 'all is listed', () => watch.isListed)
  await until(t, 'pods are watched', () => api.watches(PODS) === 1)
  api.set(SERVICES, { metadata: { uid: 's', name: 's', namespace: 'shop' }, spec: {} })
  api.bookmark(PODS)
  api.set(PODS, pod('b', { ip: '10.0.0.2' }))
  await until(t, 'b is known', () => at('10.0.0.2') !== undefined)
  api.bookmark(PODS)
  const before = api.requests.length
  await sleep(20)
  api.compact()
  api.cut(PODS, 'end')
  await until(t, 'pods are watched again', () => api.watches(PODS) === 1)
  const after = api.requests.slice(before).filter((request) => request.startsWith(`${PODS}?`))
  t.ok(after.length > 0)
  t.strictSame(
    after.filter((request) => request.includes('limit=')),
    [],
    'it is not listed again',
  )
})

t.test('pages that run out while they are read are begun anew', async (t) => {
  const api = await KubernetesStandIn.start(t)
  api.pageSize = 1
  for (const name of ['a', 'b', 'c']) api.set(PODS, pod(name, { ip: `10.0.0.${name.charCodeAt(0) - 96}` }))
  const config = openKubernetesApi({ kind: 'file', path: api.writeConfig(`${t.testdir()}/config`) })
  let asked = 0
  const book = new AddressBook({ memoryMs: 1e9, capacity: 100, now: Date.now })
  const watch = new KubernetesWatch({
    api: {
      get(path, accept, signal) {
        if (path.includes('continue=') && asked++ === 1) api.compact()
        return config.get(path, accept, signal)
      },
    },
    cluster: 'east',
    book,
    now: Date.now,
    backoffMs: 5,
    onTrouble: (message) => t.comment(message),
  })
  watch.start()
  t.teardown(() => watch.close())
  await until(t, 'all is listed', () => watch.isListed)
  t.equal(book.stats.tenures, 3)
})

t.test('what may not be seen is told, and the rest goes on', async (t) => {
  const { at, troubles, watch } = await watched(t, (api) => {
    api.refused.set(REPLICASETS, 403)
    api.set(PODS, pod('web-abc-1', { ip: '10.0.0.1', owner: WEB_SET, hash: 'abc' }))
  })
  await until(t, 'pods are known', () => at('10.0.0.1') === 'deployment/web web-abc-1 ')
  await until(t, 'the refusal is told', () =>
    troubles.includes(`cluster east: ${REPLICASETS} cannot be read: ${REPLICASETS} is not for you`),
  )
  t.notOk(watch.isListed)
})

t.test('a configuration that cannot be is refused', async (t) => {
  const api = await KubernetesStandIn.start(t)
  const path = api.writeConfig(`${t.testdir()}/config`)
  t.throws(() => openKubernetesApi({ kind: 'file', path: '/nowhere' }), {
    name: 'RangeError',
    message: /\/nowhere: /,
  })
  t.throws(() => openKubernetesApi({ kind: 'file', path, context: 'prod' }), {
    message: `${path}: has no context "prod"`,
  })
  const { KUBERNETES_SERVICE_HOST: host } = process.env
  delete process.env['KUBERNETES_SERVICE_HOST']
  t.teardown(() => host !== undefined && (process.env['KUBERNETES_SERVICE_HOST'] = host))
  t.throws(() => openKubernetesApi({ kind: 'in-cluster' }), {
    name: 'RangeError',
    message: /^the service account: ".*undefined.*" is no address of an API server: only a pod/,
  })
  const elsewhere = `${t.testdirName}/elsewhere`
  writeFileSync(elsewhere, readFileSync(path, 'utf8').replace('https://', 'ftp://'))
  t.throws(() => openKubernetesApi({ kind: 'file', path: elsewhere }), {
    name: 'RangeError',
    message: /elsewhere: "ftp:.*" is no address of an API server$/,
  })
})
