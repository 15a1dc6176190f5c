// A button that downloads one file.
import { useState } from "react";
import { download } from "../../api/download";
import { useServices } from "../../services";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { useAnnounce } from "../../ui/Toasts";

interface Props {
  /** Of the API; or how to find it out. */
  path: string | (() => Promise<string>);
  name: string;
  label: string;
  /** What it is of, where the label alone does not say. */
  of?: string;
}

export function FileButton({ path, name, label, of }: Props) {
  const { login } = useServices();
  const announce = useAnnounce();
  const [isBusy, setBusy] = useState(false);
  const get = async () => {
    setBusy(true);
    try {
      await download(login, typeof path === "string" ? path : await path(), {}, name);
    } catch (error) {
      announce.failed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button isSmall isBusy={isBusy} onClick={() => void get()}>
      <Icon name="download" /> {label} {of !== undefined && <span className="visually-hidden">{of}</span>}
    </Button>
  );
}
