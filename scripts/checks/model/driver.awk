# SPDX-License-Identifier: GPL-2.0-only
#
# Print the parts of the driver's text that driver.c runs: the sources, and the functions
# that read, deliver and wait

/^static DECLARE_WAIT_QUEUE_HEAD\(i8042_delivered\);/ { print; next }
/^static .*i8042_(delivering|unread)\[2\];/ { print; next }
/^[a-z].*[ *]i8042_(wait_delivered|is_delivered|port_close|stop|handle_mux|handle_data|poll|interrupt)\(/ {
	inside = !/;$/	# else it is a prototype
	print
	next
}
inside { print }
/^}/ { inside = 0 }
