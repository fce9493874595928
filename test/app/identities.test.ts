import { writeFileSync } from 'node:fs'
import t from 'tap'
import type { StatAnswer } from '../../src/query/answer.ts'
import { ServeProcess } from '../e2e/serve-process.ts'
import { type ApiObject, KubernetesStandIn } from '../identity/kubernetes/stand-in.ts'

const FILE = `
identities:
  - { ip: 10.9.0.0/16, namespace: bank, kind: statefulset, name: ledger }
`

/** A pod that no proxy reports from. */
function podOf(name: string, phase: string, owner = 'web'): ApiObject {
  return {
    metadata: {
      uid: `uid-${name}`,
      name,
      namespace: 'shop',
      ownerReferences: [{ kind: 'StatefulSet', name: owner, uid: owner, controller: true }],
    },
    status: { phase },
  }
}

t.test('serve says who was at the addresses that events name, from a file and from Kubernetes', async (t) => {
  const directory = t.testdir({ 'identities.yaml': FILE })
  const kubernetes = await KubernetesStandIn.start(t)
  kubernetes.set('/api/v1/pods', {
    metadata: {
      uid: 'u',
      name: 'web-1',
      namespace: 'shop',
      ownerReferences: [{ kind: 'StatefulSet', name: 'web', uid: 'w', controller: true }],
    },
    status: {
      phase: 'Running',
      podIP: '10.1.0.1',
      startTime: new Date(Date.now() - 3_600_000).toISOString(),
    },
  })
  const config = kubernetes.writeConfig(`${directory}/kubeconfig`)
  const serve = await ServeProcess.start(
    `${directory}/data`,
    '--cluster=east',
    `--identities=${directory}/identities.yaml`,
    `--kubernetes=east=${config}#test`,
  )
  t.teardown(() => serve.kill('SIGKILL'))
  const send = async (ip: string) => {
    const event = {
      time: Date.now(),
      direction: 'inbound',
      destination: { ip },
      path: '/',
      status: 200,
      latencyMicros: 5,
    }
    const response = await fetch(`${serve.ingestUrl}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([event, event]),
    })
    t.equal(response.status, 200)
  }
  kubernetes.set('/api/v1/pods', podOf('web-2', 'Running'))
  kubernetes.set('/api/v1/pods', podOf('web-3', 'Pending'))
  kubernetes.set('/api/v1/pods', podOf('web-4', 'Failed'))
  kubernetes.set('/api/v1/pods', podOf('idle-0', 'Running', 'idle'))
  for (const ip of ['10.1.0.1', '10.9.1.2', '10.5.5.5']) await send(ip)
  for (const [namespace, name] of [
    ['shop', 'web'],
    ['bank', 'ledger'],
  ] as const) {
    const parameters = { resource: `sts/${name}`, namespace }
    const { rows } = await serve.until('stat', parameters, ({ rows }) => rows[0]?.requests === 2)
    t.match(rows, [{ cluster: 'east', kind: 'statefulset', name, requests: 2 }])
  }
  const isCounted = ({ rows }: StatAnswer) => rows[0]?.pods?.running === 2 && rows[0].pods.failed === 1
  const counted = await serve.until('stat', { resource: 'sts/web', namespace: 'shop' }, isCounted)
  t.match(counted.rows, [{ meshed: 1, pods: { running: 2, pending: 1, failed: 1 } }])
  const idle = await serve.until(
    'stat',
    { resource: 'sts/idle', namespace: 'shop' },
    ({ rows }) => rows.length > 0,
  )
  t.match(idle.rows, [{ requests: 0, meshed: 0, pods: { running: 1 } }])
  kubernetes.delete('/api/v1/pods', 'uid-web-2')
  const parts = { resource: 'ns/shop' }
  const fewer = await serve.until('stat', parts, ({ rows }) => rows[0]?.pods?.running === 2)
  t.match(fewer.rows, [{ cluster: 'east', pods: { running: 2, pending: 1, failed: 1 } }])
  writeFileSync(
    `${directory}/identities.yaml`,
    `${FILE}  - { ip: 10.5.5.5, namespace: edge, kind: daemonset, name: gateway }\n`,
  )
  for (let tries = 0; tries < 100 && !serve.log.includes('was read again'); tries++)
    await new Promise((resolve) => setTimeout(resolve, 100))
  await send('10.5.5.5')
  const parameters = { resource: 'ds', namespace: 'edge' }
  const { rows } = await serve.until('stat', parameters, ({ rows }) => rows.length > 0)
  t.match(rows, [{ name: 'gateway', requests: 2 }], 'events that came before stay that address')
  t.equal(await serve.kill('SIGTERM'), 0)
})
