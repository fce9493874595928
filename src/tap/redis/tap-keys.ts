/** The keys of registrations, in one slot so that scripts can change them as one. */
export const REGISTRY_KEYS = ['mt:{taps}:queries', 'mt:{taps}:expiries'] as const

/** Channel of changes of registrations, in the slot of their keys. Channels know no databases, so it names its own. */
export function changesChannel(database: number): string {
  return database === 0 ? 'mt:{taps}:changes' : `mt:{taps}:changes:${database}`
}

/** Channel of a tap's frames; those of several taps spread over the slots. */
export function eventsChannel(tapId: string): string {
  return `mt:tap:${tapId}:events`
}
