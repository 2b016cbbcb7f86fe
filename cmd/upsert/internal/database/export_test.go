package database

// MySQLURL is what a mysql:// or mariadb:// URL is to the driver.
var MySQLURL = mysqlURL
