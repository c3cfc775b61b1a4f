/** The first place where the books do not agree. */
export interface Discrepancy {
  readonly table:
    | 'chain'
    | 'chain_head'
    | 'entry'
    | 'reservation'
    | 'account'
    | 'outbox'
    | 'lineage'
    | 'usage'
    | 'usage_head'
    | 'checkpoint';
  /** Tenant and id of the row, for example "acme/res_1". */
  readonly key: string;
  readonly column: string;
  /** By the entries. */
  readonly expected: string;
  /** In the row. */
  readonly found: string;
}
