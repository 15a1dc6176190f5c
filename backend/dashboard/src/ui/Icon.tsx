// The icons of menus and buttons: always beside a word, so screen readers pass over them.

const PATHS: Record<string, string> = {
  grid: "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z",
  bolt: "M11 2 4 11h5l-1 7 7-9h-5z",
  list: "M7 5h10M7 10h10M7 15h10M3.5 5h.01M3.5 10h.01M3.5 15h.01",
  chart: "M4 17V9M9 17V4M14 17v-6M3 17h14.5",
  bell: "M5 14V9a5 5 0 0 1 10 0v5l1.5 1.5h-13zM8.5 18h3",
  plug: "M7 2v5M13 2v5M5 7h10v3a5 5 0 0 1-10 0zM10 15v4",
  pin: "M10 18s6-5.2 6-10a6 6 0 0 0-12 0c0 4.800 6 10 6 10zM10 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  coin: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM12.500 7.500C12 6.500 8 6 8 8.200S12.500 9.800 12.500 12 8 14 7.500 12.500M10 5v1.500M10 13.500V15",
  people:
    "M7.500 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 17c0-3.500 2.500-5.500 5.500-5.500S13 13.500 13 17M13 9a2.500 2.500 0 1 0-1-4.800M15 11.800c2 .7 3 2.700 3 5.200",
  person: "M10 9.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3.500 18c0-4 3-6 6.500-6s6.500 2 6.500 6",
  key: "M12.500 11a4.500 4.500 0 1 0-4.200-3L2.500 14v3.500H6V15h2.500v-2.500L9.800 11c.8.300 1.700 0 2.700 0zM13.500 6.500h.01",
  upload: "M10 13V3M6 7l4-4 4 4M3 13v4h14v-4",
  download: "M10 3v10M6 9l4 4 4-4M3 13v4h14v-4",
  warning: "M10 2.500 18.500 17h-17zM10 8v4M10 14.500v.01",
  scroll: "M5 3h10v14H5zM8 7h4M8 10h4M8 13h2",
  menu: "M3 5h14M3 10h14M3 15h14",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 1.500v2M10 16.500v2M1.500 10h2M16.500 10h2M4 4l1.400 1.400M14.600 14.600 16 16M4 16l1.400-1.400M14.600 5.400 16 4",
  moon: "M16.500 12A7 7 0 0 1 8 3.500a7 7 0 1 0 8.500 8.500z",
  contrast: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 3v14M12 4v12M14 5.500v9M16 8v4",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.500 13.500 17.500 17.500",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="1.2em"
      height="1.2em"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name] ?? ""} />
    </svg>
  );
}
