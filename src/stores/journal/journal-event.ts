/** What an operator should hear of. None of it carries personal data. */
export type JournalEvent =
  /** Records of an earlier process were found and will be brought to the Lineage first. */
  | { readonly kind: 'adopted'; readonly segments: number; readonly bytes: number }
  /** Records were refused since the last event of this kind; told at most once a second. */
  | { readonly kind: 'refused'; readonly records: number; readonly problem: string }
  /** The same for records that were given up, because the configuration says so. */
  | { readonly kind: 'dropped'; readonly records: number; readonly problem: string }
  /** The Lineage does not answer; what waits is on disk. Told when it begins. */
  | { readonly kind: 'lineage_away'; readonly problem: string; readonly waiting: number }
  | { readonly kind: 'lineage_back'; readonly waiting: number }
  /** The last line of an earlier process was cut off by its end; nobody was answered for it. */
  | { readonly kind: 'torn'; readonly segment: string; readonly bytes: number }
  /**
   * A segment has lines that are not what was written. Its sound lines were brought, the file is
   * kept.
   */
  | { readonly kind: 'damaged'; readonly keptAs: string; readonly lines: number }
  /** A segment is gone from the disk and took records with it that were nowhere else. */
  | { readonly kind: 'lost'; readonly segment: string; readonly records: number }
  /**
   * The Lineage fails on one record again and again; its line is kept apart so that the rest can go
   * on.
   */
  | {
      readonly kind: 'set_aside';
      readonly keptAs: string;
      readonly decisionId: string;
      readonly problem: string;
    };

export type ReportJournal = (event: JournalEvent) => void;
