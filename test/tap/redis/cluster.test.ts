import { Redis } from 'ioredis'
import t from 'tap'
import { tapBusContract } from '../../contracts/tap-bus.ts'
import { redisClusterForTest } from '../../services.ts'
import { framesOf, idsWatched, openBus, redisContract, seen, seenIn, tap, until } from './contract.ts'

const { url, nodes } = await redisClusterForTest(t)
const clients = nodes.map((node) => new Redis(node.url, { maxRetriesPerRequest: null }))
clients.forEach((client) => client.on('error', () => undefined))
t.teardown(() => clients.forEach((client) => client.disconnect()))

async function empty(): Promise<void> {
  for (const client of clients) await client.flushall()
}

/** An id whose channel is on this node. */
async function idOn(node: number): Promise<string> {
  const ports = await Promise.all(
    clients.map(async (client) => [client, await client.call('CLUSTER', 'MYID')] as const),
  )
  for (let i = 0; ; i++) {
    const slot = Number(await clients[0]!.call('CLUSTER', 'KEYSLOT', `mt:tap:tap-${i}:events`))
    const shards = (await clients[0]!.call('CLUSTER', 'SLOTS')) as [
      number,
      number,
      [string, number, string],
    ][]
    const shard = shards.find(([first, last]) => first <= slot && slot <= last)
    if (shard?.[2][2] === ports[node]![1]) return `tap-${i}`
  }
}

tapBusContract(t, redisContract('cluster', url, empty))

t.test('channels are sharded, each at the node that has its slot', async (t) => {
  await empty()
  const [gateway, worker] = [await openBus(t, url), await openBus(t, url)]
  for (const node of [0, 1, 2]) {
    const id = await idOn(node)
    const frames = await framesOf(gateway, id)
    t.same(await clients[node]!.call('PUBSUB', 'SHARDCHANNELS', `mt:tap:${id}:*`), [`mt:tap:${id}:events`])
    await worker.publish(id, seen(1))
    await until('a frame arrives', () => frames.length === 1)
  }
})

t.test('a channel follows its slot to another node', async (t) => {
  await empty()
  const [gateway, worker] = [await openBus(t, url), await openBus(t, url)]
  const id = await idOn(2)
  const frames = await framesOf(gateway, id)
  await worker.publish(id, seen(1))
  await until('a frame arrives', () => frames.length === 1)
  const slot = Number(await clients[0]!.call('CLUSTER', 'KEYSLOT', `mt:tap:${id}:events`))
  const to = String(await clients[0]!.call('CLUSTER', 'MYID'))
  for (const client of clients) await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to)
  for (let published = 1; frames.length < 2; published++) {
    await worker.publish(id, seen(1))
    if (published > 1000) throw new Error('no frame arrives any more')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.same(await clients[0]!.call('PUBSUB', 'SHARDCHANNELS', `mt:tap:${id}:*`), [`mt:tap:${id}:events`])
  t.ok(seenIn(frames) >= 2)
})

t.test('after a node was gone its registrations and subscriptions are there again', async (t) => {
  await empty()
  const [gateway, worker] = [await openBus(t, url), await openBus(t, url)]
  const told = await idsWatched(worker)
  const slot = Number(await clients[0]!.call('CLUSTER', 'KEYSLOT', 'mt:{taps}:changes'))
  const node = [0, 1, 2].find((i) => slot < Math.floor(((i + 1) * 16_384) / 3))!
  const ids = [await idOn(node), await idOn((node + 1) % 3)]
  const frames = await Promise.all(ids.map((id) => framesOf(gateway, id)))
  await gateway.register(tap(ids[0]!), 60_000)
  await until('it is told of', () => told.at(-1)?.length === 1)
  await nodes[node]!.kill()
  await until('the connection is found to be gone', () => !gateway.stats.isWhole)
  await nodes[node]!.start()
  await until('subscriptions are back', () => gateway.stats.isWhole && worker.stats.isWhole)
  await gateway.register(tap('another'), 60_000)
  await until('both are there', () => told.at(-1)?.length === 2)
  for (const [i, id] of ids.entries()) {
    await until('frames arrive', () => {
      worker.publish(id, seen(1)).catch(() => undefined)
      return frames[i]!.length > 0
    })
  }
  t.pass()
})

t.test('a Cluster before version 7 has plain channels, which all nodes hand on', async (t) => {
  await empty()
  const options = { pubSub: 'plain' as const }
  const [gateway, worker] = [await openBus(t, url, options), await openBus(t, url, options)]
  const told = await idsWatched(worker)
  await gateway.register(tap('a'), 60_000)
  await until('it is told of', () => told.length === 2)
  for (const node of [0, 1, 2]) {
    const id = await idOn(node)
    const frames = await framesOf(gateway, id)
    await worker.publish(id, seen(1))
    await until('a frame arrives', () => frames.length === 1)
  }
  const listening = await Promise.all(clients.map((client) => client.pubsub('CHANNELS', 'mt:tap:*')))
  t.same(
    listening.map(({ length }) => length).toSorted((a, b) => a - b),
    [0, 0, 3],
    'over one connection',
  )
})
