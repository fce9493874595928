import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Test } from 'tap'

/**
 * Stands before an ingest, and cuts the connection instead of answering now and then, when the ingest has answered: what was
 * sent then is taken, and its sender does not know.
 */
export class ForgetfulRelay {
  /** Base URL of the ingest. */
  target = ''
  forgotten = 0
  readonly #isForgotten: () => boolean
  readonly #server = createServer((incoming, response) => this.#pass(incoming, response))

  constructor(isForgotten: () => boolean) {
    this.#isForgotten = isForgotten
  }

  async listen(t: Test, port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    t.teardown(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, headers, url = '/' } = incoming
    const { host: _, ...passed } = headers
    const outgoing = request(`${this.target}${url}`, { method, headers: passed }, (answer) => {
      if (this.#isForgotten()) {
        this.forgotten++
        answer.resume()
        answer.on('end', () => response.destroy())
        return
      }
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  }
}
