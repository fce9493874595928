import { type PartitionMeta, StoreError } from '../rollup-store.ts'
import type { META_FIELDS } from './scripts.ts'

type MetaField = (typeof META_FIELDS)[number]

/** Of the keys' layout; raised when a version of meshtap cannot read what an earlier one wrote. */
export const FORMAT = '1'

/** Fields of a partition's hash and their values, one after the other. `HGETALL` shows them readably. */
export function encodeMeta(meta: PartitionMeta): (string | Buffer)[] {
  const { offset, watermarkMs, closedThroughMs, openMs, producers, counters, stamp } = meta
  const fields: Record<Exclude<MetaField, 'stamp'>, string | Buffer> = {
    offset: String(offset),
    watermark: String(watermarkMs),
    closedThrough: String(closedThroughMs),
    open: openMs.join(','),
    producers: bufferOf(producers),
    counters: JSON.stringify(counters),
  }
  return [...Object.entries(fields).flat(), ...(stamp === undefined ? [] : ['stamp', stamp])]
}

/** The values of `META_FIELDS`. */
export function decodeMeta(values: readonly unknown[]): PartitionMeta {
  const [offset, watermark, closedThrough, open, producers, counters, stamp] = values
  const openText = text(open)
  return {
    offset: Number(text(offset)),
    watermarkMs: Number(text(watermark)),
    closedThroughMs: Number(text(closedThrough)),
    openMs: openText === '' ? [] : openText.split(',').map(Number),
    producers: new Uint8Array(bytes(producers)),
    counters: JSON.parse(text(counters)) as Record<string, number>,
    ...(stamp === null ? {} : { stamp: text(stamp) }),
  }
}

/** Rejects what another version of meshtap has written. */
export function checkFormat(format: unknown, where: string): void {
  const found = text(format)
  if (found === FORMAT) return
  const message = `cannot use the rollup store ${where}: it has format ${found}, this version reads ${FORMAT}`
  throw new StoreError('STORE_FORMAT', message)
}

/** A value that the scripts answer as bytes. */
export function bytes(value: unknown): Buffer {
  if (!(value instanceof Buffer)) {
    throw new StoreError(
      'STORE_FORMAT',
      'the rollup store answers what meshtap did not write: a value is missing',
    )
  }
  return value
}

export function text(value: unknown): string {
  return bytes(value).toString()
}

function bufferOf(value: Uint8Array): Buffer {
  return value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
