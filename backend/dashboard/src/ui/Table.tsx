// A table of rows from the API: it scrolls sideways on its own, sorts by its heads, grows page by page.
import type { ReactNode } from "react";
import type { CursorPages } from "../api/queries";
import { Button } from "./Button";
import { ScrollingRegion } from "./ScrollingRegion";
import { Failure, Loading } from "./States";
import styles from "./Table.module.css";

export interface Column<T> {
  title: ReactNode;
  /** What a cell shows. */
  cell: (row: T) => ReactNode;
  /** To the right, with digits of one width. */
  isNumber?: boolean;
  /** The API's name of this order, where it has one: heads with it can be clicked. */
  sort?: string;
  /** Not shown where the screen is narrow: something else in the row says it, or it can wait. */
  isWideOnly?: boolean;
}

interface Props<T> {
  /** What the table lists, for screen readers. */
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string | number;
  /** The present order, as the API writes it: `-started_at`. */
  sort?: string;
  onSort?: (sort: string) => void;
  /** Said in place of rows when there are none. */
  empty?: ReactNode;
  isRowMarked?: (row: T) => boolean;
}

export function Table<T>({ caption, columns, rows, keyOf, sort, onSort, empty, isRowMarked }: Props<T>) {
  if (rows.length === 0 && empty) return <>{empty}</>;
  return (
    <ScrollingRegion label={caption}>
      <table className={styles["table"]}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <Head key={column.sort ?? index} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} className={isRowMarked?.(row) ? styles["marked"] : undefined}>
              {columns.map((column, index) => (
                <td key={column.sort ?? index} className={cellClass(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollingRegion>
  );
}

function Head<T>({
  column,
  sort,
  onSort,
}: {
  column: Column<T>;
  sort: string | undefined;
  onSort: ((sort: string) => void) | undefined;
}) {
  const name = column.sort;
  if (name === undefined || onSort === undefined) {
    return (
      <th scope="col" className={cellClass(column)}>
        {column.title}
      </th>
    );
  }
  const direction = sort === name ? "ascending" : sort === `-${name}` ? "descending" : "none";
  return (
    <th scope="col" aria-sort={direction} className={cellClass(column)}>
      <button
        type="button"
        className={styles["sort"]}
        onClick={() => onSort(direction === "descending" ? name : `-${name}`)}
      >
        {column.title}
        <span aria-hidden="true" className={styles["arrow"]}>
          {direction === "ascending" ? "▲" : direction === "descending" ? "▼" : "↕"}
        </span>
      </button>
    </th>
  );
}

function cellClass<T>(column: Column<T>): string {
  return `${column.isNumber ? `${styles["number"]} tabular` : ""} ${column.isWideOnly ? styles["wideOnly"] : ""}`;
}

/** A table that loads its rows: with its loading, empty and error states, and the button for more. */
export function PagedTable<T>({
  pages,
  empty,
  ...table
}: Omit<Props<T>, "rows"> & { pages: CursorPages<T>; empty: ReactNode }) {
  if (pages.isLoading)
    return (
      <Padded>
        <Loading label={`Loading ${table.caption}`} rows={6} />
      </Padded>
    );
  if (pages.error !== null && pages.items.length === 0)
    return <Failure error={pages.error} onRetry={pages.refetch} />;
  return (
    <>
      <Table {...table} rows={pages.items} empty={empty} />
      {pages.error !== null && <Failure error={pages.error} onRetry={pages.refetch} />}
      {pages.hasMore && (
        <div className={styles["more"]}>
          <Button onClick={pages.loadMore} isBusy={pages.isLoadingMore}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}

function Padded({ children }: { children: ReactNode }) {
  return <div className={styles["padded"]}>{children}</div>;
}
