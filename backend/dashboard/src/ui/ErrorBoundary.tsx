// A mistake of ours in one view must not take the whole page away.
import { Component, type ReactNode } from "react";
import { Button } from "./Button";
import { Empty, Failure } from "./States";

interface Props {
  /** When this changes, what is below is tried again: the address, usually. */
  resetKey?: string;
  children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(previous: Props): void {
    if (this.state.error !== null && previous.resetKey !== this.props.resetKey)
      this.setState({ error: null });
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children;
    if (isGone(this.state.error)) {
      return (
        <Empty title="This view has changed on the server.">
          <Button kind="primary" onClick={() => window.location.reload()}>
            Load the page anew
          </Button>
        </Empty>
      );
    }
    return <Failure error={this.state.error} onRetry={() => this.setState({ error: null })} />;
  }
}

/** A view's file is not there any more: the server was upgraded while the page was open. In each browser's words. */
function isGone(error: unknown): boolean {
  return (
    error instanceof TypeError && /dynamically imported module|module script failed/i.test(error.message)
  );
}
