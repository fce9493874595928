import t from 'tap'
import { HeardRanges } from '../../src/tap/heard-ranges.ts'

const at = (offset: number, partition = 'r-0') => ({ partition, offset })
const range = (from: number, to: number, partition = 'r-0') => ({ partition, from, to })

t.test('a worker that goes on from less than was shown shows only what is new', (t) => {
  const heard = new HeardRanges()
  heard.add([range(10, 20)])
  t.notOk(heard.isRepeated(at(10)))
  heard.add([range(20, 30)])
  t.ok(heard.isRepeated(at(19)))
  t.notOk(heard.isRepeated(at(20)))
  heard.add([range(25, 40)])
  t.ok(heard.isRepeated(at(29)))
  t.notOk(heard.isRepeated(at(30)))
  t.notOk(heard.isRepeated(at(5, 'r-1')), 'partitions have nothing to do with each other')
  t.notOk(heard.isRepeated(undefined))
  t.end()
})

t.test('a frame in several parts is one', (t) => {
  const heard = new HeardRanges()
  heard.add([range(0, 10), range(3, 9, 'r-1')])
  heard.add([range(0, 10), range(3, 9, 'r-1')])
  t.notOk(heard.isRepeated(at(0)))
  t.notOk(heard.isRepeated(at(3, 'r-1')))
  t.end()
})

t.test('all that is folded anew, after the store lost it, is repeated up to where it was shown', (t) => {
  const heard = new HeardRanges()
  heard.add([range(50, 60)])
  heard.add([range(0, 20)])
  heard.add([range(20, 58)])
  t.ok(heard.isRepeated(at(57)))
  heard.add([range(58, 70)])
  t.ok(heard.isRepeated(at(59)))
  t.notOk(heard.isRepeated(at(60)))
  t.end()
})
