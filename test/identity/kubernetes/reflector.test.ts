import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { type KubernetesApi, openKubernetesApi } from '../../../src/identity/kubernetes/kubernetes-api.ts'
import { Reflector, type ReflectorOptions } from '../../../src/identity/kubernetes/reflector.ts'
import { KubernetesStandIn } from './stand-in.ts'

const PODS = '/api/v1/pods'
const EMPTY = { metadata: { resourceVersion: '7' }, items: [] }
const BOOKMARK = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '8' } } }

/** What came when, and the wait for the next. */
function asked(api: KubernetesApi) {
  const times: number[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const counting: KubernetesApi = {
    get(...request) {
      times.push(performance.now())
      for (const { count, resolve } of waiting) if (times.length >= count) resolve()
      return api.get(...request)
    },
  }
  const until = (count: number) => new Promise<void>((resolve) => waiting.push({ count, resolve }))
  return { api: counting, times, until }
}

function reflect(t: Test, options: Pick<ReflectorOptions, 'api'> & Partial<ReflectorOptions>) {
  const troubles: string[] = []
  const reflector = new Reflector({
    path: PODS,
    onObject: () => {},
    onGone: () => {},
    onListed: () => {},
    onTrouble: (message) => troubles.push(message),
    random: () => 0,
    backoffMs: 5,
    ...options,
  })
  reflector.start()
  t.teardown(() => reflector.close())
  return { reflector, troubles }
}

function answer(value: unknown): IncomingMessage {
  return Readable.from([Buffer.from(`${JSON.stringify(value)}\n`)]) as unknown as IncomingMessage
}

t.test('a server that is too busy is left alone for as long as it asks', async (t) => {
  const standIn = await KubernetesStandIn.start(t)
  standIn.refused.set(PODS, 429)
  const config = standIn.writeConfig(`${t.testdir()}/config`)
  const { api, times, until } = asked(openKubernetesApi({ kind: 'file', path: config }))
  reflect(t, { api })
  await until(2)
  t.ok(times[1]! - times[0]! >= 1000, `asked again after ${times[1]! - times[0]!} ms`)
})

t.test('a list that is never answered is asked for again', async (t) => {
  // As a connection does, which such a signal does not.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  let lists = 0
  const { reflector, troubles } = reflect(t, {
    pageMs: 20,
    api: {
      get: (path, _accept, signal) =>
        path.includes('watch=') || lists++ > 0
          ? Promise.resolve(answer(EMPTY))
          : new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(new Error('it takes too long')))
            }),
    },
  })
  await reflector.settled
  t.ok(reflector.isListed)
  t.match(troubles[0], `${PODS} cannot be read: it takes too long`)
})

t.test('a server that ends each watch after a word is not asked without pause', async (t) => {
  const { api, times, until } = asked({
    get: async (path) => answer(path.includes('watch=') ? BOOKMARK : EMPTY),
  })
  reflect(t, { api, backoffMs: 200 })
  // A list and four watches, with three waits of at least 100 ms between.
  await until(5)
  t.ok(times[4]! - times[1]! >= 290, `three more watches in ${times[4]! - times[1]!} ms`)
})
