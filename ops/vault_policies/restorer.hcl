# Opens backups: unwraps their data keys. What it opens is still under the levels' keys, which it cannot use: a restore
# and a drill need the sweeper's token besides.

path "@transit@/decrypt/dangan-backups" { capabilities = ["update"] }
path "@transit@/keys/dangan-backups" { capabilities = ["read"] }

# What operators do is audited too: their process is a writer of the audit stream.
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
