import t, { type Test } from 'tap'
import { runInProcess } from '../in-process.ts'
import { type CliResult, runCli, startCli } from '../run-cli.ts'
import { CERTIFICATE, guardedServe, type GuardedServe, requests, TOKENS } from './guarded-serve.ts'

const OF_SHOP = '{subjects: [alice], namespaces: [shop], allow: [stat, tap, paths]}'

type Variables = Readonly<Record<string, string>>

/** Pushes a request for each path, and waits until one can see it. */
async function push(
  { serve, file }: GuardedServe,
  namespace: string,
  paths: readonly string[],
  more: Variables = {},
) {
  const { code, stderr } = await runCli(['push', file('events.ndjson', requests(namespace, 'web', paths))], {
    environment: { MESHTAP_INGEST: serve.ingestUrl, MESHTAP_INGEST_TOKEN: TOKENS.sender, ...more },
  })
  if (code !== 0) throw new Error(stderr)
}

function withoutTokens(t: Test, { stdout, stderr }: Pick<CliResult, 'stdout' | 'stderr'>): void {
  for (const token of Object.values(TOKENS)) t.notMatch(stdout + stderr, token, 'no token is printed')
}

/** Runs a command against a gateway, with nothing in its environment but what it is given. */
async function ask(t: Test, { serve }: GuardedServe, args: readonly string[], environment: Variables = {}) {
  const result = await runCli(args, { environment: { MESHTAP_GATEWAY: serve.gatewayUrl, ...environment } })
  withoutTokens(t, result)
  return result
}

/** The same in this process, which is quicker. */
async function askHere(t: Test, { serve }: GuardedServe, ...args: readonly string[]) {
  const result = await runInProcess([...args, '--gateway', serve.gatewayUrl])
  withoutTokens(t, result)
  return result
}

/** Asks until there is something to see. */
async function untilSeen(
  t: Test,
  guarded: GuardedServe,
  environment: Variables,
  pattern: RegExp,
): Promise<void> {
  for (;;) {
    const { stdout } = await ask(t, guarded, ['stat', 'deploy'], environment)
    if (pattern.test(stdout)) return
  }
}

t.test('every command that asks shows its token, and says what is wrong with it', async (t) => {
  await using guarded = await guardedServe(t, OF_SHOP)
  const url = guarded.serve.gatewayUrl
  await push(guarded, 'shop', ['/cart'])
  await push(guarded, 'secret', ['/vault'])
  await untilSeen(t, guarded, { MESHTAP_TOKEN: TOKENS.admin }, /secret[^]*shop/)

  const commands = [
    ['stat', 'deploy'],
    ['stat', 'deploy', '--watch'],
    ['top', 'deploy', '--once'],
    ['edges'],
    ['routes', 'deploy'],
    ['tap', '--limit', '1', '--last', '1'],
  ]
  const ways = '--token-file, MESHTAP_TOKEN or --token'
  for (const command of commands) {
    const what = command.join(' ')
    const none = await askHere(t, guarded, ...command)
    const wantsOne = `error: ${url} asks who you are: give a token with ${ways}\n`
    t.strictSame(none, { code: 1, stdout: '', stderr: wantsOne }, what)
    const wrong = await askHere(t, guarded, ...command, '--token', TOKENS.wrong)
    const isNone = 'the token is none that is known here'
    const wantsOther = `error: ${url} does not take the token of --token: ${isNone}. Another is given with ${ways}\n`
    t.strictSame(wrong, { code: 1, stdout: '', stderr: wantsOther }, what)
    const elsewhere = await askHere(t, guarded, ...command, '-n', 'secret', '--token', TOKENS.alice)
    const notGranted =
      'refuses this: alice is not granted \\w+( and paths)? in namespace secret, only in \\*/shop\\.'
    t.match(elsewhere, { code: 1, stderr: new RegExp(`^error: \\S+ ${notGranted}`) }, what)
    if (what.includes('--watch')) continue
    const file = guarded.file('token', `${TOKENS.alice}\n`)
    const right = await askHere(t, guarded, ...command, '--token-file', file)
    t.match(right, { code: 0, stdout: /shop|cart/ }, what)
    t.notMatch(right.stdout, /secret|vault/, what)
    t.match(right.stderr, /^shows only namespace shop, as granted$/m, what)
  }
  const json = await ask(t, guarded, ['stat', 'deploy', '-o', 'json', '--token', TOKENS.alice])
  t.match(JSON.parse(json.stdout), [{ name: 'web', namespace: 'shop' }])
  const all = await ask(t, guarded, ['stat', 'deploy'], { MESHTAP_TOKEN: TOKENS.admin })
  t.equal(all.stderr, '', 'who sees all is told nothing')
})

t.test('what sends events shows its own token', async (t) => {
  await using guarded = await guardedServe(t, OF_SHOP)
  const { ingestUrl } = guarded.serve
  const events = guarded.file('events.ndjson', requests('shop', 'web', ['/cart']))
  const sent = async (environment: Variables) => {
    const result = await runCli(['push', events], {
      environment: { MESHTAP_INGEST: ingestUrl, ...environment },
    })
    withoutTokens(t, result)
    return result
  }
  const ways = '--ingest-token-file, MESHTAP_INGEST_TOKEN or --ingest-token'
  const none = await sent({ MESHTAP_TOKEN: TOKENS.sender })
  t.strictSame(none, {
    code: 1,
    stdout: '',
    stderr: `error: ${ingestUrl} asks who you are: give a token with ${ways}\n`,
  })
  const wrong = await sent({ MESHTAP_INGEST_TOKEN: TOKENS.alice })
  t.match(
    wrong.stderr,
    /does not take the token of MESHTAP_INGEST_TOKEN: the token is none of those who may send/,
  )
  const right = await sent({ MESHTAP_INGEST_TOKEN_FILE: guarded.file('token', TOKENS.sender) })
  t.equal(right.stdout, 'pushed 1 events in 1 batches, 0 retries\n')
})

t.test('a sidecar keeps its events while its token is refused', async (t) => {
  await using guarded = await guardedServe(t, OF_SHOP)
  const token = guarded.file('token', TOKENS.wrong)
  const demo = startCli(['demo'], {
    environment: { MESHTAP_INGEST: guarded.serve.ingestUrl, MESHTAP_INGEST_TOKEN_FILE: token },
  })
  await demo.until(/warning: cannot send events to \S+, and will try again: the token is none of those/)
  guarded.file('token', TOKENS.sender)
  await demo.until(/takes events again/)
  await untilSeen(t, guarded, { MESHTAP_TOKEN: TOKENS.admin }, /emojivoto/)
  demo.child.kill('SIGTERM')
  const result = await demo.result
  withoutTokens(t, result)
  t.equal(result.code, 0)
})

t.test('a token that is rotated in its file is shown when the one before ends', async (t) => {
  await using guarded = await guardedServe(t, OF_SHOP)
  await push(guarded, 'shop', ['/cart'])
  await untilSeen(t, guarded, { MESHTAP_TOKEN: TOKENS.admin }, /web/)
  const environment = {
    MESHTAP_GATEWAY: guarded.serve.gatewayUrl,
    MESHTAP_TOKEN_FILE: guarded.file('token', TOKENS.alice),
  }
  const stat = startCli(['stat', 'deploy', '--watch', '-o', 'json'], { environment })
  const tap = startCli(['tap', '-o', 'json', '--last', '1'], { environment })
  await Promise.all([stat.until(/"requests":1\b/), tap.until(/cart/)])
  guarded.setTokens(`alice ${TOKENS.alicesNext}`)
  // The file comes later than the refusal, as it may.
  await tap.until(/lost the connection to \S+ \(the token was withdrawn\)/)
  guarded.file('token', TOKENS.alicesNext)
  await tap.until(/connected again/)
  await push(guarded, 'shop', ['/next'])
  await Promise.all([stat.until(/"requests":2\b/), tap.until(/next/)])

  // Withdrawn for good.
  guarded.setTokens()
  for (const { result } of [stat, tap]) {
    const { code, stdout, stderr } = await result
    withoutTokens(t, { stdout, stderr })
    t.match(
      stderr,
      /^error: \S+ does not take the token of MESHTAP_TOKEN_FILE \S+: the token was withdrawn\./m,
    )
    t.equal(code, 1)
  }
})

t.test('a stream whose grant is taken away ends with what is missing', async (t) => {
  await using guarded = await guardedServe(t, OF_SHOP)
  await push(guarded, 'shop', ['/cart'])
  const environment = { MESHTAP_GATEWAY: guarded.serve.gatewayUrl, MESHTAP_TOKEN: TOKENS.alice }
  const stat = startCli(['stat', 'deploy', '--watch', '-o', 'json'], { environment })
  const tap = startCli(['tap', '--last', '1'], { environment })
  await Promise.all([stat.until(/web/), tap.until(/cart/)])
  // Less than before: both go on, with that.
  guarded.setGrant('{subjects: [alice], namespaces: [sho*], allow: [stat, tap]}')
  await Promise.all([stat.until(/connecting again/), tap.until(/connected again/)])
  await push(guarded, 'shop', ['/next'])
  await stat.until(/"requests":2\b/)
  guarded.setGrant('{subjects: [alice], namespaces: [shop], allow: []}')
  for (const [name, { result }] of [
    ['stat', stat],
    ['tap', tap],
  ] as const) {
    const { code, stderr } = await result
    t.match(
      stderr,
      new RegExp(`^error: \\S+ refuses this: alice is not granted ${name} in any namespace`, 'm'),
    )
    t.equal(code, 1)
  }
})

t.test('servers with certificates of a CA of their own are trusted where it is named', async (t) => {
  await using guarded = await guardedServe(t, OF_SHOP, { tls: true })
  t.match(guarded.serve.gatewayUrl, /^https:/)
  const distrusted = await ask(t, guarded, ['stat', 'deploy'], { MESHTAP_TOKEN: TOKENS.alice })
  t.match(
    distrusted.stderr,
    /^error: cannot reach the gateway at https:\S+: self-signed certificate\. A certificate to trust is given with --ca-file or MESHTAP_CA_FILE$/m,
  )
  const ca = { MESHTAP_CA_FILE: CERTIFICATE }
  await push(guarded, 'shop', ['/cart'], ca)
  await untilSeen(t, guarded, { ...ca, MESHTAP_TOKEN: TOKENS.alice }, /web/)
  const tap = await ask(t, guarded, ['tap', '--last', '1', '--limit', '1', '--token', TOKENS.alice], ca)
  t.match(tap, { code: 0, stdout: /cart/ })
  const args = ['stat', 'deploy', '--watch', '--ca-file', CERTIFICATE]
  const environment = { MESHTAP_GATEWAY: guarded.serve.gatewayUrl, MESHTAP_TOKEN: TOKENS.alice }
  const watching = startCli(args, { environment })
  await watching.until(/web/)
  watching.child.kill('SIGTERM')
  t.equal((await watching.result).code, 0)
  const key = await ask(t, guarded, ['stat', 'deploy', '--ca-file', CERTIFICATE.replace('-cert', '-key')])
  t.match(key, { code: 2, stderr: /^error: --ca-file holds no certificate/ })
})
