import { createHash } from 'node:crypto'
import t from 'tap'
import { parseTokens } from '../../src/access/static-tokens.ts'

const TOKEN = '0123456789abcdef'
const digest = createHash('sha256').update(TOKEN).digest('hex')

t.test('a line is a name, a token or its hash, and groups', async (t) => {
  const text = `# people\n\nalice ${TOKEN} group:dev group:shop\r\n  ci sha256:${'f'.repeat(64)}\n`
  const tokens = parseTokens(text, 'tokens')
  t.equal(tokens.size, 2)
  t.strictSame(tokens.holderOf(TOKEN)?.subject, 'alice')
  t.match(tokens.holderOf(TOKEN), { groups: ['dev', 'shop'], digest })
  t.equal(tokens.holderOf(`${TOKEN}0`), undefined)
  t.equal(tokens.holderOf(''), undefined)
  t.equal(tokens.holderOf(`sha256:${digest}`), undefined, 'the hash itself is no token')
  t.ok(tokens.has(digest))
  t.match(parseTokens(`bob sha256:${digest.toUpperCase()}`, 'tokens').holderOf(TOKEN), { subject: 'bob' })
  t.equal(parseTokens('', 'tokens').size, 0)
})

t.test('what is wrong is said with its line, and without the token', async (t) => {
  for (const [text, message] of [
    ['alice', 'tokens:1: must be a name and a token: NAME TOKEN [group:NAME …]'],
    ['\nalice secret', 'tokens:2: the token has 6 characters; at least 16 are needed (openssl rand -hex 32)'],
    ['alice sha256:12', 'tokens:1: sha256: takes 64 hexadecimal digits'],
    [`alice ${TOKEN} dev`, 'tokens:1: what follows the token must be group:NAME'],
    [`alice ${TOKEN}\nbob ${TOKEN}`, 'tokens: a token is there twice'],
  ] as const) {
    t.throws(() => parseTokens(text, 'tokens'), { message })
  }
})
