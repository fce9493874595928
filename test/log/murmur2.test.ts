import t from 'tap'
import { murmur2, partitionOfKey } from '../../src/log/murmur2.ts'

/** Of Kafka's `UtilsTest.testMurmur2`, and of librdkafka's `rdmurmur2.c` for every length of the rest. */
const HASHES: Readonly<Record<string, number>> = {
  '': 275_646_681,
  '21': -973_932_308,
  foobar: -790_332_482,
  'a-little-bit-long-string': -985_981_536,
  'a-little-bit-longer-string': -1_486_304_829,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58_897_971,
  abc: 479_470_107,
  kafka: -798_503_068,
  giberish123456789: -1_890_243_828,
  '1234': -1_614_185_708,
  '234': -406_844_982,
  '34': -2_026_295_078,
}

t.test('keys hash as in Kafka', async (t) => {
  for (const [key, hash] of Object.entries(HASHES)) t.equal(murmur2(Buffer.from(key)), hash, key)
})

t.test('a negative hash gives a partition by its lower 31 bits', async (t) => {
  t.equal(partitionOfKey(Buffer.from('foobar'), 50), 16)
  t.equal(partitionOfKey(Buffer.from('foobar'), 1), 0)
})
