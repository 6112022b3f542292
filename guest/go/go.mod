module wasmsandbox/guest

go 1.24
