/**
 * What stands before the page of queues.
 * @param said Why the last try failed; ours, never what was sent.
 */
export function signInPage(said: string | null): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Queues of Baton</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto; padding: 0 1rem }
input, button { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin-top: .5rem }
.said { color: #b00020 }
</style>
<h1>Queues</h1>
<form method="post" action="/queues/sign-in">
<label>Token of an owner of all projects
<input name="token" type="password" autocomplete="off" required autofocus></label>
${said === null ? '' : `<p class="said" role="alert">${said}</p>`}
<button>Sign in</button>
</form>
</html>
`
}
