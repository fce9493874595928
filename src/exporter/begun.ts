/** The same, once its first value is there: what goes wrong before that is thrown here. */
export async function begun<T>(values: AsyncGenerator<T, void>): Promise<AsyncGenerator<T, void>> {
  const first = await values.next()
  return following(first, values)
}

async function* following<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void>) {
  if (first.done === true) return
  yield first.value
  yield* rest
}
