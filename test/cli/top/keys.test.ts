import t from 'tap'
import { parseKeys } from '../../../src/cli/top/keys.ts'

t.test('keys are read as terminals send them', async (t) => {
  const check = (text: string, want: string) =>
    t.equal(
      parseKeys(text)
        .map((key) => (key.kind === 'char' ? key.char : `<${key.kind}>`))
        .join(''),
      want,
      JSON.stringify(text),
    )
  check('', '')
  check('q', 'q')
  check('abc', 'abc')
  check('日🍩', '日🍩')
  check('\u001b[A\u001b[B\u001b[C\u001b[D', '<up><down><right><left>')
  check('\u001bOA\u001bOB', '<up><down>')
  check('\u001b[H\u001b[F\u001b[1~\u001b[4~', '<home><end><home><end>')
  check('\u001b[5~\u001b[6~', '<page-up><page-down>')
  check('\u001b', '<escape>')
  check('\r\n', '<enter><enter>')
  check('\u007f\b', '<backspace><backspace>')
  check('\u0003\u001a\u000c', '<interrupt><suspend><redraw>')
  // Modified keys, function keys, mouse, focus, paste: nothing of ours.
  check('\u001b[1;5A\u001b[15~\u001bOP\u001b[<0;1;1M\u001b[I\u001b[200~', '')
  check('\u0001\u0007', '')
  check('a\u001b[Ab', 'a<up>b')
})
