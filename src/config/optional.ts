type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Drops undefined values, so that an absent setting is an absent key. */
export function optional<T extends object>(values: T): Present<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Present<T>;
}
