import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose'
import t from 'tap'
import { JwtVerifier, type JwtVerifierOptions } from '../../src/access/jwt-verifier.ts'
import { doorOf, jwt, NOW, SECRET } from './tokens.ts'

const verifier = (options: Partial<JwtVerifierOptions> = {}) =>
  new JwtVerifier({
    keys: { kind: 'secret', secret: SECRET },
    skewMs: 0,
    claim: 'meshtap',
    now: () => NOW,
    ...options,
  })

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = { sub: 'alice', exp: NOW / 1000 + 60 }

const pair = await generateKeyPair('RS256')
const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
const signed = (more: object = {}, header: object = {}, key = pair.privateKey) =>
  new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg: 'RS256', kid: 'one', ...header }).sign(key)
const set = (...keys: object[]): JSONWebKeySet => ({ keys })
const bySet = (options: Partial<JwtVerifierOptions> = {}) =>
  verifier({ keys: { kind: 'set', current: () => set(publicJwk) }, ...options })

t.test('a token that is good says who it is of, and what it grants', async (t) => {
  const meshtap = [{ namespaces: ['shop'], allow: ['stat'] }]
  t.match(await verifier().identityOf(await jwt({ groups: ['dev', 7 as never], meshtap })), {
    kind: 'jwt',
    subject: 'alice',
    groups: ['dev'],
    claimed: [{ clusters: ['*'], namespaces: ['shop'], allow: new Set(['stat']) }],
    expiresMs: NOW + 600_000,
  })
  t.match(await bySet().identityOf(await signed()), { subject: 'alice', claimed: [] })
})

t.test('a token that is not is refused, whatever it says of itself', async (t) => {
  const unsigned = `${part({ alg: 'none' })}.${part(claims)}.`
  const body = `${part({ alg: 'HS256', kid: 'one' })}.${part(claims)}`
  const confused = `${body}.${createHmac('sha256', JSON.stringify(publicJwk)).update(body).digest('base64url')}`
  const good = await jwt()
  const [header = '', , signature = ''] = good.split('.')
  for (const [what, given, token, code] of [
    ['none', verifier(), unsigned, 'TOKEN_INVALID'],
    ['none, for a key set', bySet(), unsigned, 'TOKEN_INVALID'],
    ['a public key as secret', bySet(), confused, 'TOKEN_INVALID'],
    ['a public key, for a secret', verifier(), await signed(), 'TOKEN_INVALID'],
    ['another secret', verifier(), await jwt({ secret: 'x'.repeat(32) }), 'TOKEN_INVALID'],
    [
      'another body',
      verifier(),
      `${header}.${part({ ...claims, sub: 'bob' })}.${signature}`,
      'TOKEN_INVALID',
    ],
    ['an algorithm not allowed', bySet({ algorithms: ['ES256'] }), await signed(), 'TOKEN_INVALID'],
    ['another key', bySet(), await signed({}, { kid: 'two' }), 'TOKEN_INVALID'],
    ['expired', verifier(), await jwt({ expiresIn: -1 }), 'TOKEN_EXPIRED'],
    ['not yet', verifier(), await jwt({ nbf: NOW / 1000 + 10 } as object), 'TOKEN_INVALID'],
    ['no issuer', verifier({ issuer: 'https://id.example' }), good, 'TOKEN_INVALID'],
    ['another issuer', bySet({ issuer: 'a' }), await signed({ iss: 'b' }), 'TOKEN_INVALID'],
    ['another audience', bySet({ audience: 'a' }), await signed({ aud: 'b' }), 'TOKEN_INVALID'],
    ['no end', bySet(), await signed({ exp: undefined }), 'TOKEN_INVALID'],
    ['nobody', bySet(), await signed({ sub: '' }), 'TOKEN_INVALID'],
    ['grants that cannot be read', bySet(), await signed({ meshtap: [{ allow: ['all'] }] }), 'TOKEN_INVALID'],
    ['nonsense', verifier(), 'a.b.c', 'TOKEN_INVALID'],
  ] as const) {
    await t.rejects(given.identityOf(token), { name: 'AccessError', code }, what)
  }
  t.ok(await bySet({ issuer: 'a', audience: 'b' }).identityOf(await signed({ iss: 'a', aud: ['x', 'b'] })))
  t.ok(await verifier({ skewMs: 30_000 }).identityOf(await jwt({ expiresIn: -20 })), 'clocks may differ')
  const late = await verifier({ skewMs: 30_000 }).identityOf(await jwt({ expiresIn: -20 }))
  t.ok(doorOf().accessOf(late), 'also at the door')
  t.throws(() => doorOf({ now: () => NOW + 10_000 }).accessOf(late), { code: 'TOKEN_EXPIRED' })
  t.throws(() => verifier({ algorithms: ['RS256'] }), /those that go with a secret: HS256/)
  t.throws(() => bySet({ algorithms: ['none'] }), /not none/)
})

t.test(
  'a key set is fetched when it is needed, and again for a key that is new, but not for each',
  async (t) => {
    let asked = 0
    let keys: object[] = []
    let status = 500
    const server = createServer((_request, response) => {
      asked++
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(set(...keys)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    let nowMs = NOW
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
    const remote = verifier({ keys: { kind: 'url', url }, now: () => nowMs })
    const token = await signed({ exp: NOW / 1000 + 6000 })
    await t.rejects(remote.identityOf(token), { code: 'AUTH_UNAVAILABLE', message: /it answers 500/ })
    await t.rejects(remote.identityOf(token), { code: 'AUTH_UNAVAILABLE', message: /a moment ago/ })
    t.equal(asked, 1, 'not asked again at once')
    nowMs += 3000
    status = 200
    keys = [publicJwk]
    t.match(await remote.identityOf(token), { subject: 'alice' })
    t.equal(asked, 2)
    for (let i = 0; i < 10; i++) {
      await t.rejects(remote.identityOf(await signed({}, { kid: `new-${i}` })), { code: 'TOKEN_INVALID' })
    }
    t.match(await remote.identityOf(token), { subject: 'alice' })
    t.equal(asked, 2, 'keys that nobody knows do not make it ask')
  },
)

t.test('a key set that changed is used at once', async (t) => {
  let current = set()
  const changing = verifier({ keys: { kind: 'set', current: () => current } })
  const token = await signed()
  await t.rejects(changing.identityOf(token), { code: 'TOKEN_INVALID' })
  current = set(publicJwk)
  t.ok(await changing.identityOf(token))
})
