import t from 'tap'
import { Door } from '../../src/access/door.ts'
import { Tickets } from '../../src/access/tickets.ts'
import { doorOf, jwt, NOW } from './tokens.ts'

const identity = await doorOf().identify(
  await jwt({ groups: ['dev'], meshtap: [{ namespaces: ['shop'], allow: ['tap', 'stat'] }] }),
)

t.test('a ticket is good once, for 30 s, wherever its secret is known', async (t) => {
  let nowMs = NOW
  const office = () => new Tickets({ secret: 'shared', now: () => nowMs })
  const [here, there] = [office(), office()]
  const { text, expiresMs } = here.issue(identity)
  t.equal(expiresMs, NOW + 30_000)
  t.match(text, /^[\w-]+\.[\w-]+$/, 'it may be part of a URL and of a header')
  t.strictSame(there.redeem(text), identity)
  t.throws(() => there.redeem(text), /used already/)
  t.strictSame(here.redeem(text), identity, 'each gateway knows only of its own')
  const late = here.issue(identity).text
  nowMs += 30_000
  t.throws(() => here.redeem(late), { code: 'TOKEN_EXPIRED' })
  t.throws(() => new Tickets({ secret: 'other', now: () => NOW }).redeem(text), { code: 'TOKEN_INVALID' })
})

t.test('a ticket that was changed, or is none, is refused', async (t) => {
  const office = new Tickets({ secret: 'shared', now: () => NOW })
  const { text } = office.issue(identity)
  const [body = '', signature = ''] = text.split('.')
  const [id, expiresMs] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [string, number]
  const forged = Buffer.from(JSON.stringify([id, expiresMs, { kind: 'token' }])).toString('base64url')
  for (const wrong of [
    '',
    '.',
    body,
    `${body}.`,
    `${forged}.${signature}`,
    `${body}.${signature}x`,
    `${body}.ä`,
  ]) {
    t.throws(() => office.redeem(wrong), { code: 'TOKEN_INVALID' }, wrong)
  }
})

t.test('what is remembered of used tickets is bounded', async (t) => {
  let nowMs = NOW
  const office = new Tickets({ secret: 'shared', now: () => nowMs, maxUsed: 2 })
  office.redeem(office.issue(identity).text)
  office.redeem(office.issue(identity).text)
  t.throws(() => office.redeem(office.issue(identity).text), { code: 'TICKET_LIMIT' })
  nowMs += 30_000
  t.ok(office.redeem(office.issue(identity).text))
  const many = {
    kind: 'jwt',
    subject: 'a',
    claimed: [],
    expiresMs: 0,
    groups: Array<string>(200).fill('group-of-people'),
  } as const
  t.throws(() => office.issue(many), { code: 'TICKET_LIMIT' })
})

t.test('a door tells what an identity may see now', async (t) => {
  const token = 'static-token-of-alice'
  const policy = 'grants: [{ subjects: [alice], namespaces: [shop], allow: [stat] }]'
  const plain = doorOf({ tokens: `alice ${token}` })
  const holder = await plain.identify(token)
  t.match(plain.accessOf(holder).visible(['stat', 'paths']), { kind: 'everything' }, 'without a policy')
  t.match(
    doorOf({ tokens: `alice ${token}`, policy })
      .accessOf(holder)
      .visible(['stat']),
    { id: '[["*","shop"]]', places: ['*/shop'] },
  )
  t.throws(() => doorOf({ tokens: 'bob static-token-of-bob' }).accessOf(holder), /withdrawn/)
  t.throws(() => doorOf({ policy, now: () => NOW + 600_000 }).accessOf(identity), { code: 'TOKEN_EXPIRED' })
  t.match(doorOf({ policy }).accessOf(identity).visible(['stat']), { places: ['*/shop'] })
  t.throws(() => doorOf().accessOf({ kind: 'anyone' }), { code: 'TOKEN_MISSING' })
  await t.rejects(plain.identify('static-token-of-bob'), { code: 'TOKEN_INVALID' })
  await t.rejects(new Door({ now: () => NOW }).identify('a.b.c'), { code: 'TOKEN_INVALID' })
})
