/**
 * The cluster that a topic was mirrored from, by MirrorMaker's naming `<cluster>.<topic>`; undefined where `name` is no
 * mirror of `topic`.
 */
export function mirroredCluster(topic: string, name: string): string | undefined {
  return name.length > topic.length + 1 && name.endsWith(`.${topic}`)
    ? name.slice(0, -topic.length - 1)
    : undefined
}

/** Whether who reads `topic` reads `name` too. */
export function isReadWith(topic: string, name: string): boolean {
  return name === topic || mirroredCluster(topic, name) !== undefined
}
