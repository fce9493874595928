import { rmSync, writeFileSync } from 'node:fs'
import { inspect } from 'node:util'
import t from 'tap'
import {
  ASKING_SETTINGS,
  CLIENT_SETTINGS,
  clientSettings,
  isReadableOnTheWay,
  SENDING_SETTINGS,
  terminalEnvironment,
} from '../../src/config/client.ts'

t.test('addresses come from flags, then the environment, then defaults', async (t) => {
  const addresses = (flags: Readonly<Record<string, string>>, environment = {}) => {
    const { gateway, ingest } = clientSettings(CLIENT_SETTINGS, flags, environment)
    return { gateway, ingest }
  }
  t.strictSame(addresses({}), { gateway: 'http://127.0.0.1:8084', ingest: 'http://127.0.0.1:4318' })
  const environment = {
    MESHTAP_GATEWAY: 'https://meshtap.example/base//',
    MESHTAP_INGEST: 'http://[::1]:4318/',
  }
  t.strictSame(addresses({}, environment), {
    gateway: 'https://meshtap.example/base',
    ingest: 'http://[::1]:4318',
  })
  t.equal(addresses({ gateway: 'http://other:1' }, environment).gateway, 'http://other:1')
})

t.test('what is no address is refused, with where it came from, and without credentials', async (t) => {
  const check = (gateway: string, want: RegExp) => {
    const given = () => clientSettings(ASKING_SETTINGS, {}, { MESHTAP_GATEWAY: gateway })
    t.throws(given, { code: 'BAD_SETTING', message: want })
    t.throws(given, { message: /^(?!.*hunter2)/s })
  }
  check('localhost:8084', /^MESHTAP_GATEWAY is "localhost:8084": must be a URL such as/)
  check('ftp://localhost', /must be a URL/)
  check('', /must be a URL/)
  check('http://user:hunter2@localhost', /"http:\/\/user:\*{8}@localhost": must have no user name/)
  check('http://hunter2@localhost', /"http:\/\/\*{8}@localhost": must have no user name/)
  check('http://localhost/?token=hunter2', /"http:\/\/localhost\/\?token=\*{8}": must have no query/)
})

t.test('a command reads only the settings that it has', async (t) => {
  const environment = { MESHTAP_INGEST: 'nonsense', MESHTAP_INGEST_TOKEN: 'no token' }
  t.match(clientSettings(ASKING_SETTINGS, {}, environment), { gateway: 'http://127.0.0.1:8084' })
  t.throws(() => clientSettings(SENDING_SETTINGS, {}, environment), /MESHTAP_INGEST_TOKEN/)
})

t.test('a token is what a header can carry, and no error shows it', async (t) => {
  const read = (token: string) => clientSettings(ASKING_SETTINGS, { token }, {}).token
  t.equal(await read('a.b-c_d~e+f/g==')?.current(), 'a.b-c_d~e+f/g==')
  for (const token of ['', 'hunter2 hunter2', 'hunter2\nx: y', 'hunter2\u00e9', 'x'.repeat(8193)]) {
    t.throws(() => read(token), {
      message: '--token is "********": must be a token: 1 to 8192 letters, digits and ._~+/=-',
    })
  }
  t.notMatch(inspect(read('hunter2'), { depth: 9, showHidden: true }), 'hunter2')
  t.notMatch(JSON.stringify(read('hunter2')), 'hunter2')
})

t.test(
  'the token of a file is read again each time, and the last one is used while it cannot be',
  async (t) => {
    const file = `${t.testdir({ token: 'first\n' })}/token`
    const token = clientSettings(ASKING_SETTINGS, {}, { MESHTAP_TOKEN_FILE: file }).token!
    t.match(token, { place: `MESHTAP_TOKEN_FILE ${file}`, isInFile: true, trouble: undefined })
    t.equal(await token.current(), 'first')
    writeFileSync(file, ' second\r\n')
    t.equal(await token.current(), 'second')
    writeFileSync(file, '')
    t.equal(await token.current(), 'second')
    t.match(token.trouble, /^must be a token/)
    rmSync(file)
    t.equal(await token.current(), 'second')
    t.equal(token.trouble, 'cannot be read: ENOENT')
    writeFileSync(file, 'third')
    t.equal(await token.current(), 'third')
    t.equal(token.trouble, undefined)
  },
)

t.test('what goes to another machine without TLS can be read on the way', async (t) => {
  const check = (url: string, want: boolean) => t.equal(isReadableOnTheWay(url), want, url)
  check('http://127.0.0.1:8084', false)
  check('http://127.8.9.1', false)
  check('http://localhost:8084', false)
  check('http://[::1]:8084', false)
  check('https://meshtap.example', false)
  check('http://meshtap.example', true)
  check('http://127.0.0.1.example', true)
  check('http://10.0.0.1:8084', true)
})

t.test('NO_COLOR counts unless it is empty', async (t) => {
  t.strictSame(terminalEnvironment({}), { noColor: false, isDumb: false })
  t.equal(terminalEnvironment({ NO_COLOR: '1' }).noColor, true)
  t.equal(terminalEnvironment({ NO_COLOR: '' }).noColor, false)
  t.equal(terminalEnvironment({ TERM: 'dumb' }).isDumb, true)
})
