import { DecodeError } from './decode-error.ts'

/**
 * Entries of a hash table looked at for one key. Real strings and tuples need fewer than 50 with a million in the table;
 * whoever makes up keys that all fall into one place would otherwise make each cost as much as there are of them.
 */
export const MAX_PROBES = 256

/** The error for a record whose keys collide. */
export function collision(what: string): DecodeError {
  return new DecodeError(
    'collisions',
    'record',
    `its ${what} fall into one place of a hash table, as if made to`,
  )
}
