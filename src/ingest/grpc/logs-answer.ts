import { ProtobufWriter } from '../../event/protobuf-writer.ts'
import type { MadeRecords } from '../record-maker.ts'

/** An ExportLogsServiceResponse, which says how many records were no access log. */
export function logsAnswer({ skippedSpans }: MadeRecords): Buffer {
  const writer = new ProtobufWriter(256)
  if (skippedSpans > 0) {
    writer.message(1, () => {
      writer.varint(1, skippedSpans)
      writer.string(2, LOGS_REFUSED)
    })
  }
  return Buffer.from(writer.finish())
}

const LOGS_REFUSED =
  'only access logs of HTTP are taken: a record needs a time and attributes that name a request, a method with a path or ' +
  'a status (docs/otlp.md)'
