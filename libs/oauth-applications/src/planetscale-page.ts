/** Which page, counted from 1. */
export interface PageWish {
  readonly page: number;
  readonly per_page: number;
}

export interface Page<T> {
  current_page: number;
  next_page: number;
  prev_page: number;
  next_page_url: string;
  prev_page_url: string;
  data: T[];
}

/** What to ask the database for: one more than the page, which tells whether there is a next one without counting all. */
export function windowOf({ page, per_page: perPage }: PageWish): { readonly limit: number; readonly offset: number } {
  return { limit: perPage + 1, offset: (page - 1) * perPage };
}

/**
 * PlanetScale's Paginated…: numbers are never null, so 0 says that there is no such page (D2).
 * @param found what {@link windowOf} asked for
 * @param address of the list, without a query; links are made of it (D3)
 */
export function pageOf<T>(wish: PageWish, found: readonly T[], address: string): Page<T> {
  const { page, per_page: perPage } = wish;
  const next = found.length > perPage ? page + 1 : 0;
  const link = (number: number) => (number === 0 ? '' : `${address}?page=${number}&per_page=${perPage}`);
  return {
    current_page: page,
    next_page: next,
    prev_page: page - 1,
    next_page_url: link(next),
    prev_page_url: link(page - 1),
    data: found.slice(0, perPage),
  };
}
