import { execFile } from 'node:child_process'
import { librdkafka } from '../../../stack/librdkafka.ts'

/** A record of librdkafka: all in UTF-8. */
export interface PlainRecord {
  readonly key?: string
  readonly value: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

const WRITE = `
import json, sys
from confluent_kafka import Producer
brokers, topic, codec = sys.argv[1:]
producer = Producer({'bootstrap.servers': brokers, 'compression.codec': codec, 'linger.ms': 20})
failures = []
for record in json.load(sys.stdin):
    headers = [(name, value.encode()) for name, value in record.get('headers', [])]
    producer.produce(topic, key=record.get('key'), value=record['value'], headers=headers,
                     on_delivery=lambda error, _: error and failures.append(str(error)))
left = producer.flush(30)
if left or failures:
    sys.exit(f'{left} records not acknowledged: {failures[:3]}')
`

const READ = `
import json, os, sys
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition, OFFSET_BEGINNING
brokers, topic = sys.argv[1:]
consumer = Consumer({'bootstrap.servers': brokers, 'group.id': 'reader', 'enable.auto.commit': False,
                     'enable.partition.eof': True})
consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
records = []
while True:
    message = consumer.poll(30)
    if message is None:
        sys.exit('nothing came for 30 s')
    if message.error() is None:
        headers = [(name, value.decode()) for name, value in message.headers() or []]
        records.append({'key': message.key().decode(), 'value': message.value().decode(), 'headers': headers})
    elif message.error().code() == KafkaError._PARTITION_EOF:
        break
    else:
        raise KafkaException(message.error())
json.dump(records, sys.stdout)
sys.stdout.flush()
# Closing would wait for a group that was never joined.
os._exit(0)
`

async function python(script: string, args: readonly string[], input: string): Promise<string> {
  const { python, directory } = await librdkafka()
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PYTHONPATH: directory, PYTHONIOENCODING: 'utf-8' }
    const options = { env, maxBuffer: 64 * 1024 * 1024 }
    const child = execFile(python, ['-c', script, ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`librdkafka failed: ${stderr || error.message}`, { cause: error }))
    })
    child.stdin!.end(input)
  })
}

/** Writes records in a codec (`none`, `gzip`, `snappy`, `lz4`, `zstd`), in order where the topic has one partition. */
export async function writeByLibrdkafka(
  brokers: string,
  topic: string,
  codec: string,
  records: readonly PlainRecord[],
): Promise<void> {
  await python(WRITE, [brokers, topic, codec], JSON.stringify(records))
}

/** All records of a topic's first partition. */
export async function readByLibrdkafka(brokers: string, topic: string): Promise<readonly PlainRecord[]> {
  return JSON.parse(await python(READ, [brokers, topic], '')) as readonly PlainRecord[]
}
