// Says quietly that there are new sessions; they are shown when the reader wants them.
import { number } from "../../format/number";
import { Button } from "../../ui/Button";
import styles from "./Sessions.module.css";
import type { NewSessions } from "./useLiveSessions";

export function NewsBar({ news }: { news: NewSessions }) {
  return (
    <div className={news.count > 0 ? styles["news"] : ""} role="status">
      {news.count > 0 && (
        <Button kind="quiet" isSmall onClick={news.show}>
          {news.count === 1 ? "1 new session" : `${number(news.count)} new sessions`}: show
        </Button>
      )}
    </div>
  );
}
