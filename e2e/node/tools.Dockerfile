# What the tests' own pods run: a shell with the usual programs. Also holds the namespaces of every pod on a real node of
# kube-test, hence the default command.
FROM scratch
COPY busybox /bin/busybox
COPY bin /bin
USER 65534:65534
CMD ["/bin/sleep", "2147483647"]
