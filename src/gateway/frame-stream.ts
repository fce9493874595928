/** Frames for one client, to be pulled as fast as the client takes them. */
export interface FrameStream {
  /** The next frame, JSON without a line's end; undefined once the stream has ended. Not to be called before it has answered. */
  next(): Promise<string | undefined>
  /** Idempotent. */
  close(): Promise<void>
}
