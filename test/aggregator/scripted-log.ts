import type {
  EventLog,
  LogRecord,
  PartitionHandler,
  PartitionId,
  RecordBatch,
  StoredRecord,
} from '../../src/log/event-log.ts'

/** A log whose partitions a test assigns, feeds and revokes itself. */
export class ScriptedLog implements EventLog {
  handler!: PartitionHandler
  readonly appended: { topic: string; record: LogRecord }[] = []
  readonly seeks: { partition: PartitionId; offset: number }[] = []

  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    for (const record of records) this.appended.push({ topic, record })
  }

  async subscribe(_topic: string, handler: PartitionHandler) {
    this.handler = handler
    const seek = (partition: PartitionId, offset: number) => void this.seeks.push({ partition, offset })
    return { seek, close: async () => {} }
  }

  give(partition: PartitionId, records: readonly StoredRecord[], endOffset?: number): Promise<number> {
    return this.handler.records({ partition, records, endOffset: endOffset ?? records.at(-1)!.offset + 1 })
  }

  async partitions(): Promise<readonly PartitionId[]> {
    return []
  }

  async *readSince(): AsyncGenerator<RecordBatch> {}

  async close(): Promise<void> {}
}
