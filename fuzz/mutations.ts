/** A way of damaging a message: answers another one, and leaves the given one as it is. */
type Mutation = (bytes: Uint8Array, next: () => number, other: Uint8Array) => Uint8Array

/** Longest message that mutations make. */
export const MAX_BYTES = 64 * 1024

const whole = (next: () => number, below: number): number => Math.floor(next() * below)

/** Numbers that lengths and counts are tried with: powers of two, their neighbours, and what does not fit 32 or 53 bits. */
const HUGE = [
  0x7f,
  0x80,
  0x3fff,
  0xffff,
  2 ** 21,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 35,
  2 ** 53,
  2 ** 63,
]

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt(value)
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return Uint8Array.from([...bytes, Number(rest)])
}

function spliced(bytes: Uint8Array, at: number, wanted: number, added: Uint8Array): Uint8Array {
  const removed = Math.min(wanted, bytes.length - at)
  const result = new Uint8Array(Math.min(MAX_BYTES, bytes.length - removed + added.length))
  result.set(bytes.subarray(0, Math.min(at, result.length)))
  result.set(added.subarray(0, Math.max(0, result.length - at)), Math.min(at, result.length))
  const rest = at + added.length
  if (rest < result.length)
    result.set(bytes.subarray(at + removed, at + removed + result.length - rest), rest)
  return result
}

/** What leaves most of a message as it was, so that the decoder gets far. */
const GENTLE: readonly Mutation[] = [
  function flipOneBit(bytes, next) {
    const copy = Uint8Array.from(bytes)
    if (copy.length > 0) copy[whole(next, copy.length)]! ^= 1 << whole(next, 8)
    return copy
  },
  function setOneByte(bytes, next) {
    const copy = Uint8Array.from(bytes)
    if (copy.length > 0) copy[whole(next, copy.length)] = whole(next, 256)
    return copy
  },
  function swapTwoBytes(bytes, next) {
    const copy = Uint8Array.from(bytes)
    const [a, b] = [whole(next, copy.length), whole(next, copy.length)]
    if (copy.length > 0) [copy[a], copy[b]] = [copy[b]!, copy[a]!]
    return copy
  },
]

const ROUGH: readonly Mutation[] = [
  function flipBits(bytes, next) {
    const copy = Uint8Array.from(bytes)
    for (let i = 1 + whole(next, 8); i > 0 && copy.length > 0; i--)
      copy[whole(next, copy.length)]! ^= 1 << whole(next, 8)
    return copy
  },
  function setBytes(bytes, next) {
    const copy = Uint8Array.from(bytes)
    for (let i = 1 + whole(next, 4); i > 0 && copy.length > 0; i--)
      copy[whole(next, copy.length)] = [0, 0x7f, 0x80, 0xff, 0x22, 0x7b, 0x5b][whole(next, 7)]!
    return copy
  },
  function truncate(bytes, next) {
    return bytes.slice(0, whole(next, bytes.length))
  },
  function spliceOther(bytes, next, other) {
    const from = whole(next, other.length)
    const piece = other.subarray(from, from + whole(next, 512))
    const at = whole(next, bytes.length)
    return spliced(bytes, at, whole(next, 512), piece)
  },
  function repeatPiece(bytes, next) {
    const from = whole(next, bytes.length)
    const piece = bytes.subarray(from, from + 1 + whole(next, 64))
    const times = 2 ** whole(next, 11)
    const repeated = new Uint8Array(Math.min(MAX_BYTES, piece.length * times))
    for (let at = 0; at < repeated.length; at += piece.length)
      repeated.set(piece.subarray(0, repeated.length - at), at)
    return spliced(bytes, from, 0, repeated)
  },
  function insertHugeNumber(bytes, next) {
    const at = whole(next, bytes.length)
    return spliced(bytes, at, whole(next, 2), varint(HUGE[whole(next, HUGE.length)]!))
  },
  function insertHugeText(bytes, next) {
    const text = ['1e999', '-1', '9'.repeat(400), '0x10', 'null', '"\\ud800"', '1.7976931348623157e308'][
      whole(next, 7)
    ]!
    return spliced(bytes, whole(next, bytes.length), whole(next, 4), new TextEncoder().encode(text))
  },
  function nestDeeply(bytes, next) {
    const depth = 2 ** whole(next, 14)
    const opening = [[0x5b], [0x7b, 0x22, 0x61, 0x22, 0x3a], [0x0a, 0x7f], [0x12, 0xff, 0x01]][
      whole(next, 4)
    ]!
    const nest = new Uint8Array(Math.min(MAX_BYTES, depth * opening.length))
    for (let i = 0; i < nest.length; i++) nest[i] = opening[i % opening.length]!
    return spliced(bytes, whole(next, bytes.length), 0, nest)
  },
]

/** One to three mutations, one after the other; half of all messages have gentle ones only. */
export function mutated(bytes: Uint8Array, next: () => number, other: Uint8Array): Uint8Array {
  const mutations = next() < 0.5 ? GENTLE : ROUGH
  let result = bytes
  for (let i = 1 + whole(next, 3); i > 0; i--)
    result = mutations[whole(next, mutations.length)]!(result, next, other)
  return result
}
