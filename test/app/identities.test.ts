import { writeFileSync } from 'node:fs'
import t from 'tap'
import { ServeProcess } from '../e2e/serve-process.ts'
import { KubernetesStandIn } from '../identity/kubernetes/stand-in.ts'

const FILE = `
identities:
  - { ip: 10.9.0.0/16, namespace: bank, kind: statefulset, name: ledger }
`

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
  for (const ip of ['10.1.0.1', '10.9.1.2', '10.5.5.5']) await send(ip)
  for (const [namespace, name] of [
    ['shop', 'web'],
    ['bank', 'ledger'],
  ] as const) {
    const { rows } = await serve.until('stat', { resource: 'sts', namespace }, ({ rows }) => rows.length > 0)
    t.match(rows, [{ cluster: 'east', kind: 'statefulset', name, requests: 2 }])
  }
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
