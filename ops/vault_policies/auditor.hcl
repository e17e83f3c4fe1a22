# The auditor: reads the public keys that verify certificates, announcements and audit checkpoints.

path "@transit@/keys/dangan-certificates" { capabilities = ["read"] }
path "@transit@/keys/dangan-announcements" { capabilities = ["read"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

# The key of the watermarks that answers carry.
path "@transit@/hmac/dangan-watermarks" { capabilities = ["update"] }

path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
