/**
 * What the image's HEALTHCHECK runs: ends with 0 when what runs in this container is ready. A container may serve at
 * any of the addresses that its variables name, one role or all in one: those that take connections must be ready.
 */
const ports = Object.entries(process.env)
  // Who listens for gRPC listens for HTTP too, and is ready there when it is here.
  .filter(([name]) => /^MESHTAP_(\w+_)?LISTEN$/.test(name) && name !== 'MESHTAP_GRPC_LISTEN')
  .map(([, address]) => /:(\d+)$/.exec(address ?? '')?.[1])

async function answer(port: string | undefined): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_500) })
    return `${response.status} ${await response.text()}`
  } catch (error) {
    const { cause } = error as { cause?: NodeJS.ErrnoException }
    return cause?.code === 'ECONNREFUSED' ? undefined : String(error)
  }
}

const answers = (await Promise.all(ports.map(answer))).filter((text) => text !== undefined)
process.stdout.write(answers.length === 0 ? 'nothing serves\n' : `${answers.join('\n')}\n`)
process.exitCode = answers.length > 0 && answers.every((text) => text.startsWith('200 ')) ? 0 : 1
