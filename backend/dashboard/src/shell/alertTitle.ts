// The number of open critical alerts in front of the document's title: seen in the tab while another one is read.

/** `(2) Overview · SolarRally`; without a number for none. */
export function titleWith(count: number, title: string): string {
  const bare = title.replace(/^\(\d+\) /, "");
  return count === 0 ? bare : `(${count}) ${bare}`;
}

/** Keep the number in front of whatever title the views give. Returns how to end it. */
export function keepInTitle(count: number): () => void {
  const put = () => {
    const wanted = titleWith(count, document.title);
    if (document.title !== wanted) document.title = wanted;
  };
  put();
  const observer = new MutationObserver(put);
  observer.observe(document.head, { childList: true, characterData: true, subtree: true });
  return () => {
    observer.disconnect();
    document.title = titleWith(0, document.title);
  };
}
