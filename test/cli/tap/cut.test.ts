import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { guardedServe, requests, TOKENS } from '../access/guarded-serve.ts'
import { runCli, startCli } from '../run-cli.ts'

/** Passes bytes on to a port, until it is cut. */
async function relay(t: Test, port: number) {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => sockets.delete(socket))
    }
    if (isCut) client.destroy()
    client.pipe(upstream).pipe(client)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const cut = (): void => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend: () => (isCut = false),
  }
}

t.test('a tap whose connection breaks misses nothing, and shows nothing twice', async (t) => {
  const { serve } = await guardedServe(t, '{subjects: [alice], namespaces: [shop], allow: [tap, paths]}')
  const line = await relay(t, Number(new URL(serve.gatewayUrl).port))
  const pushed: string[] = []
  /** Requests of which two of each path are the same in all. */
  const push = async (...names: readonly string[]) => {
    const paths = names.flatMap((name) => [`/${name}`, `/${name}`])
    pushed.push(...paths)
    const events = requests('shop', 'web', paths)
    const { code, stderr } = await runCli(
      ['push', '-', '--ingest', serve.ingestUrl, '--ingest-token', TOKENS.sender],
      { stdin: events },
    )
    if (code !== 0) throw new Error(stderr)
  }
  const tap = startCli(['tap', '-o', 'json', '--gateway', line.url, '--token', TOKENS.alice])
  // The first frame tells that it is open.
  const quiet = /No request that matches|No traffic|seen\./
  await tap.until(quiet)
  await push('a', 'b', 'c')
  await tap.until(/\/c"[^]*\/c"/)
  for (const names of [['d', 'e'], ['f']]) {
    line.cut()
    await tap.until(new RegExp(`(lost the connection[^]*){${names.length === 2 ? 1 : 2}}`))
    await push(...names)
    line.mend()
    const last = names.at(-1)!
    await tap.until(new RegExp(`/${last}"[^]*/${last}"`))
    await push(`after-${last}`)
    await tap.until(new RegExp(`/after-${last}"[^]*/after-${last}"`))
  }
  tap.child.kill('SIGTERM')
  const { code, stdout, stderr } = await tap.result
  t.equal(code, 0)
  const shown = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { path: string }).path)
  t.strictSame(shown.toSorted(), pushed.toSorted())
  t.match(stderr, /connected again after [0-9.]+ s; requests of that time come first/)
  t.match(stderr, new RegExp(`matched ${pushed.length}, sent ${pushed.length}, dropped 0, sampled out 0\n$`))
})
